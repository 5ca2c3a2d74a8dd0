#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/config_verb.h"
#include "cli/label_scores.h"
#include "cli/verbs.h"
#include "espalier/train/finetuner.h"

namespace espalier::cli {

static void run_finetune(const config::FinetuneConfig& config) {
  const train::FinetuneResults results = train::finetune(config);
  fmt::print("{}\n", scores_text(io::to_json(results.eval)));
  fmt::print("{:<28} {:.0f}, {:.1f} % padding\n", "train_tokens_per_second",
             results.train.train_tokens_per_second, 100 * results.train.train_padding_share);
  fmt::print("{}/all_results.json, {}/last.h5\n", config.run, config.run);
  const auto best = std::find_if(results.evaluations.rbegin(), results.evaluations.rend(),
                                 [](const train::FinetuneEvaluation& one) { return one.best; });
  if (best == results.evaluations.rend() || best == results.evaluations.rbegin()) return;
  if (!std::filesystem::exists(std::filesystem::path(config.run) / "best.h5"))
    return;  // of another folder's run
  const train::MetricScore& metric = best->sets.front().metrics.front();
  fmt::print("best after epoch {:.2f}, {} {:.4f}: {}/best.h5\n", best->epoch, metric.name, metric.value,
             config.run);
}

void add_finetune(Command& app) {
  add_config_verb<config::FinetuneConfig>(app, "finetune", "Fine-tune a model on labelled texts",
                                          run_finetune, true);
}

}  // namespace espalier::cli
