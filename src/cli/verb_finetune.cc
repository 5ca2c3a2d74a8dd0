#include <fmt/format.h>

#include "cli/config_verb.h"
#include "cli/verbs.h"
#include "espalier/train/finetuner.h"

namespace espalier::cli {

static void run_finetune(const config::FinetuneConfig& config) {
  const io::Json results = train::finetune(config);
  for (const auto& [name, value] : results.items()) {
    if (name.starts_with("eval_")) fmt::print("{:<28} {}\n", name, value.dump());
  }
  fmt::print("{}/all_results.json, {}/last.h5\n", config.run, config.run);
}

void add_finetune(CLI::App& app) {
  add_config_verb<config::FinetuneConfig>(app, "finetune", "Fine-tune a model on labelled texts",
                                          run_finetune);
}

}  // namespace espalier::cli
