#include "cli/inference_options.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/base/log.h"

namespace espalier::cli {

void add_inference_options(Command& verb, InferenceArguments& arguments) {
  verb.add_option("MODEL", arguments.model, "A checkpoint, a run folder or a Hugging Face folder")
      ->required();
  Option* texts =
      verb.add_option("TEXT", arguments.texts, "Texts (put -- before one that begins with a dash)");
  Option* file =
      verb.add_option(
              "--file", arguments.file,
              "Texts from a .tsv, .csv, .jsonl or .txt (a text a line), also .gz or .zst; - is standard "
              "input")
          ->check(a_path());
  texts->excludes(file);
  verb.add_option(
      "--text-column", arguments.text_column,
      "Column of the texts in --file (default: the one the model was fine-tuned on, which must be there "
      "unless text or sentence is the only one; where that is not known, sentence or text)");
  add_table_options(verb, arguments.table, file);
  verb.add_option("--routing", arguments.routing, "hard, or soft: the mixture over all paths of the trees")
      ->check(one_of({"hard", "soft"}))
      ->capture_default_str();
  verb.add_option("--tau", arguments.temperature,
                  "Temperature of soft routing (default: where training stopped)")
      ->check(above_zero());
  add_precision_option(verb, arguments.precision);
  verb.add_option(
          "--batch-size", arguments.batch_size,
          "Texts that are read and computed together; 1: each alone, so that its numbers do not depend "
          "on its neighbours in the last digits")
      ->check(within(1, 1'000'000))
      ->capture_default_str();
  verb.add_flag("--json", arguments.json, "One JSON document");
}

model::LoadedModel load_model(const InferenceArguments& arguments) {
  const std::optional<ops::Precision> precision = chosen_precision(arguments.precision);
  model::LoadedModel model = model::load_model(arguments.model, io::HfInt8::kKeep);
  model::fix_precision(model, precision);
  return model;
}

ops::TreeRouting resolve_routing(const model::LoadedModel& model, const InferenceArguments& arguments) {
  const ops::TreeRouting routing =
      model::inference_routing(model, arguments.routing == "soft", arguments.temperature);
  const std::string warning = model::unfinished_warning(model, routing);
  if (!warning.empty()) log_warning(warning);
  return routing;
}

}  // namespace espalier::cli
