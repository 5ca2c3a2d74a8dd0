// What a run has read, so that it is never continued, and its results never reused, over something else.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "espalier/data/labelled.h"
#include "espalier/io/json_fields.h"
#include "espalier/model/loaded_model.h"

namespace espalier::train {

// One thing read, by the key that named it: "task.train", "model", "model: tokenizer".
struct RunInput {
  std::string key;
  std::string path;  // as it was given; another path with the same content is no difference
  std::string size;  // for messages: "120 rows"
  // Of what was read, by part ("texts", "labels", "weights"): not of the file's bytes, so that a packed or
  // exported copy is the same, and nothing can change between the reading and the record.
  std::map<std::string, std::string> checksums;
  // What is compared by its value, which messages then name.
  std::map<std::string, std::string> settings;
};

// In files {KEY: {path, size, checksums, settings}}; no `settings` where there are none.
using RunInputs = std::vector<RunInput>;
void describe(RunInput& input, io::JsonFields& fields);

// The input of that key, or null.
const RunInput* find_input(const RunInputs& inputs, const std::string& key);

// The rows of a table with what they are labelled.
RunInput input_of(const std::string& key, const data::LabelledData& data);
// By what its weights are computed with, beyond their shapes, and how long a text it reads.
RunInput architecture_input(const std::string& key, const std::string& path, const nn::EncoderOptions& arch);
// The weights of a model, its architecture and its tokenizer.
RunInputs inputs_of(const std::string& key, const std::string& path, model::LoadedModel& model);
RunInputs inputs_of(const std::string& key, const std::string& path, const io::Checkpoint& model);

// What an input has otherwise than it had `before`; "" if nothing.
std::string difference(const RunInput& now, const RunInput& before);

// InputError naming every input of `now` that `before` has otherwise, with what to do. Those that are in one
// of the two only are no difference. `where` names the run.
void require_same_inputs(const RunInputs& now, const RunInputs& before, const std::string& where,
                         const std::string& way_out);

}  // namespace espalier::train

namespace espalier::io {

template <>
struct JsonForm<train::RunInputs> {
  static Json write(const train::RunInputs& inputs);
  static void read(const JsonView& view, train::RunInputs& inputs);
};

}  // namespace espalier::io
