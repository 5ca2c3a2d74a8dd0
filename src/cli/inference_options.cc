#include "cli/inference_options.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/processes/processes.h"

namespace espalier::cli {

void add_model_argument(Command& verb, std::string& model) {
  verb.add_option("MODEL", model, "A checkpoint, a run folder or a Hugging Face folder")->required();
}

void add_routing_options(Command& verb, ModelArguments& arguments, const std::string& routing) {
  verb.add_option("--routing", arguments.routing, routing)
      ->check(one_of({"hard", "soft"}))
      ->capture_default_str();
  verb.add_option("--tau", arguments.temperature,
                  "Temperature of soft routing (default: where training stopped)")
      ->check(above_zero());
  add_precision_option(verb, arguments.precision);
}

void add_inference_options(Command& verb, InferenceArguments& arguments) {
  add_model_argument(verb, arguments.model);
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
  add_routing_options(verb, arguments, "hard, or soft: the mixture over all paths of the trees");
  verb.add_option(
          "--batch-size", arguments.batch_size,
          "Texts that are read and computed together; 1: each alone, so that its numbers do not depend "
          "on its neighbours in the last digits")
      ->check(within(1, 1'000'000))
      ->capture_default_str();
  verb.add_flag("--json", arguments.json, "One JSON document");
}

void require_same_model(model::LoadedModel& model, const std::string& path) {
  if (processes::alone()) return;
  std::vector<io::NamedTensor> floats;
  for (const nn::NamedParameter& parameter : model.module().parameters()) {
    if (!model.in_bytes.contains(parameter.name)) floats.push_back({parameter.name, parameter.value.value()});
  }
  processes::require_alike(fmt::format("{:016x} {}", io::weights_checksum(floats), model.in_bytes.size()),
                           "MODEL: " + path);
}

model::LoadedModel load_model(const ModelArguments& arguments) {
  const std::optional<ops::Precision> precision = chosen_precision(arguments.precision);
  model::LoadedModel model = model::load_model(arguments.model, io::HfInt8::kKeep);
  require_same_model(model, arguments.model);
  model::fix_precision(model, precision);
  return model;
}

ops::TreeRouting resolve_routing(const model::LoadedModel& model, const ModelArguments& arguments) {
  const ops::TreeRouting routing =
      model::inference_routing(model, arguments.routing == "soft", arguments.temperature);
  warn_unfinished(model, routing);
  return routing;
}

void warn_unfinished(const model::LoadedModel& model, const ops::TreeRouting& routing) {
  const std::string warning = model::unfinished_warning(model, routing);
  if (!warning.empty()) log_warning(warning);
}

TextSourceOptions text_options(const InferenceArguments& arguments) {
  TextSourceOptions options{arguments.texts, {}, arguments.file, arguments.text_column};
  options.table = arguments.table.options();
  if (!arguments.file.empty()) options.format = arguments.table.format_of(arguments.file);
  return options;
}

void warn_truncated(std::int64_t truncated, std::int64_t texts, std::int64_t tokens,
                    const std::string& reads) {
  if (truncated == 0) return;
  log_warning(fmt::format("{} of {} texts were cut to the {} tokens that the model {}", truncated, texts,
                          tokens, reads));
}

}  // namespace espalier::cli
