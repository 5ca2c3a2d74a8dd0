// What a run has read, so that it is never continued, and its results never reused, over something else.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "espalier/data/labelled.h"
#include "espalier/io/json.h"
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

using RunInputs = std::vector<RunInput>;

// The rows of a table with what they are labelled.
RunInput input_of(const std::string& key, const data::LabelledData& data);
// By what its weights are computed with, beyond their shapes, and how long a text it reads.
RunInput architecture_input(const std::string& key, const std::string& path,
                            const nn::CrammedBertOptions& arch);
// The weights of a model, its architecture and its tokenizer.
RunInputs inputs_of(const std::string& key, const std::string& path, model::LoadedModel& model);
RunInputs inputs_of(const std::string& key, const std::string& path, const io::Checkpoint& model);

// {KEY: {path, size, checksums, settings}}; no `settings` where there are none.
io::Json to_json(const RunInputs& inputs);

// What an input has otherwise than `saved`, a document of to_json() with its key; "" if nothing.
std::string difference(const RunInput& now, const io::Json& saved);

// InputError naming every input of `now` that `saved` has otherwise, with what to do. Those that are in one
// of the two only are no difference. `where` names the run.
void require_same_inputs(const RunInputs& now, const io::Json& saved, const std::string& where,
                         const std::string& way_out);

// For a run of a version that recorded nothing; `what` names the inputs.
void warn_of_no_inputs(const std::string& where, const std::string& what);

}  // namespace espalier::train
