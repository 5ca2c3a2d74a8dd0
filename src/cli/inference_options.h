// What verbs that use a model share: MODEL, --routing, --tau, --precision, and of fill-mask, classify and
// embed TEXT... or --file and how it is read, --batch-size and --json.
#pragma once

#include <optional>
#include <string>
#include <vector>
#include "cli/command.h"

#include "cli/precision_option.h"
#include "cli/table_options.h"
#include "cli/text_source.h"
#include "espalier/model/inference.h"

namespace espalier::cli {

struct ModelArguments {
  std::string model;
  std::string routing = "hard";
  std::optional<double> temperature;
  std::string precision;
};

struct InferenceArguments : ModelArguments {
  std::vector<std::string> texts;
  std::string file;
  std::string text_column;
  TableArguments table;
  std::size_t batch_size = 0;  // a verb's own before the options are added
  bool json = false;
};

void add_model_argument(Command& verb, std::string& model);
// --routing, of which help says `routing`, --tau and --precision.
void add_routing_options(Command& verb, ModelArguments& arguments, const std::string& routing);
// Binds all; TEXT and --file exclude each other, and one must be given.
void add_inference_options(Command& verb, InferenceArguments& arguments);

// InputError if processes loaded other weights; of those in bytes only how many there are is compared.
void require_same_model(model::LoadedModel& model, const std::string& path);
// Loads MODEL, to be used in --precision.
model::LoadedModel load_model(const ModelArguments& arguments);
// The routing asked for; warns of trees that have not finished hardening.
ops::TreeRouting resolve_routing(const model::LoadedModel& model, const ModelArguments& arguments);
void warn_unfinished(const model::LoadedModel& model, const ops::TreeRouting& routing);
// TEXT, or --file with its options.
TextSourceOptions text_options(const InferenceArguments& arguments);
// Warns if some of the texts were longer than the `tokens` that the model `reads`.
void warn_truncated(std::int64_t truncated, std::int64_t texts, std::int64_t tokens,
                    const std::string& reads = "reads");

}  // namespace espalier::cli
