#include <fmt/format.h>

#include <algorithm>

#include "cli/config_verb.h"
#include "cli/verbs.h"
#include "espalier/metrics/metrics.h"
#include "espalier/train/finetuner.h"

namespace espalier::cli {

// A line a score, its interval behind it.
static std::string scores_text(const train::EvalResults& results) {
  const io::Json json = io::to_json(results);
  std::string text;
  for (const auto& [name, value] : json.items()) {
    if (!name.starts_with(metrics::kEvaluationPrefix)) continue;
    if (!value.is_array()) {
      text += fmt::format("{}{:<28} {}", text.empty() ? "" : "\n", name, io::json_text(value, -1));
    } else if (value.at(0).is_number()) {
      text += fmt::format("  [{:.4f}, {:.4f}]", value.at(0).get<double>(), value.at(1).get<double>());
    }
  }
  return text;
}

static void run_finetune(const config::FinetuneConfig& config) {
  const train::FinetuneResults results = train::finetune(config);
  fmt::print("{}\n", scores_text(results.eval));
  fmt::print("{:<28} {:.0f}, {:.1f} % padding\n", "train_tokens_per_second",
             results.train.train_tokens_per_second, 100 * results.train.train_padding_share);
  fmt::print("{}/all_results.json, {}/last.h5\n", config.run, config.run);
  const auto best = std::find_if(results.evaluations.rbegin(), results.evaluations.rend(),
                                 [](const train::FinetuneEvaluation& one) { return one.best; });
  if (best == results.evaluations.rend() || best == results.evaluations.rbegin()) return;
  const train::MetricScore& metric = best->sets.front().metrics.front();
  fmt::print("best after epoch {:.2f}, {} {:.4f}: {}/best.h5\n", best->epoch, metric.name, metric.value,
             config.run);
}

void add_finetune(Command& app) {
  add_config_verb<config::FinetuneConfig>(app, "finetune", "Fine-tune a model on labelled texts",
                                          run_finetune, true);
}

}  // namespace espalier::cli
