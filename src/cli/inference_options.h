// What fill-mask, classify and embed share: MODEL, TEXT... or --file and how it is read, --routing, --tau,
// --precision, --json.
#pragma once

#include <optional>
#include <string>
#include <vector>
#include "cli/command.h"

#include "cli/precision_option.h"
#include "cli/table_options.h"
#include "espalier/model/inference.h"

namespace espalier::cli {

struct InferenceArguments {
  std::string model;
  std::vector<std::string> texts;
  std::string file;
  std::string text_column;
  TableArguments table;
  std::string routing = "hard";
  std::optional<double> temperature;
  std::string precision;
  std::size_t batch_size = 0;  // a verb's own before the options are added
  bool json = false;
};

// Loads MODEL, to be used in --precision.
model::LoadedModel load_model(const InferenceArguments& arguments);

// Binds the options; TEXT and --file exclude each other, and one must be given.
void add_inference_options(Command& verb, InferenceArguments& arguments);

// The routing asked for; warns of trees that have not finished hardening.
ops::TreeRouting resolve_routing(const model::LoadedModel& model, const InferenceArguments& arguments);

}  // namespace espalier::cli
