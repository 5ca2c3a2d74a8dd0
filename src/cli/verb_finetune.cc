#include <fmt/format.h>

#include "cli/config_verb.h"
#include "cli/verbs.h"
#include "espalier/train/finetuner.h"

namespace espalier::cli {

// The interval of a score behind it, where there is one.
static std::string interval_text(const io::Json& results, const std::string& name) {
  const auto interval = results.find(name + "_interval");
  if (interval == results.end() || !interval->at(0).is_number()) return "";
  return fmt::format("  [{:.4f}, {:.4f}]", interval->at(0).get<double>(), interval->at(1).get<double>());
}

static void run_finetune(const config::FinetuneConfig& config) {
  const io::Json results = train::finetune(config);
  for (const auto& [name, value] : results.items()) {
    if (!name.starts_with("eval_") || name.ends_with("_interval")) continue;
    fmt::print("{:<28} {}{}\n", name, value.dump(), interval_text(results, name));
  }
  fmt::print("{:<28} {:.0f}, {:.1f} % padding\n", "train_tokens_per_second",
             results.at("train_tokens_per_second").get<double>(),
             100 * results.at("train_padding_share").get<double>());
  fmt::print("{}/all_results.json, {}/last.h5\n", config.run, config.run);
}

void add_finetune(Command& app) {
  add_config_verb<config::FinetuneConfig>(app, "finetune", "Fine-tune a model on labelled texts",
                                          run_finetune);
}

}  // namespace espalier::cli
