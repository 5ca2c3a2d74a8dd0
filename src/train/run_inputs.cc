#include "espalier/train/run_inputs.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "model/weight_meaning.h"

namespace espalier::train {
namespace {

// Lengths between texts: "ab", "c" is not "a", "bc".
void add_text(Checksum& sum, const std::string& text) {
  const std::uint64_t size = text.size();
  sum.update(&size, sizeof(size));
  sum.update(text.data(), text.size());
}

RunInput weights_input(const std::string& key, const std::string& path,
                       const std::vector<io::NamedTensor>& tensors) {
  return {key,
          path,
          fmt::format("{} tensors", tensors.size()),
          {{"weights", fmt::format("{:016x}", io::weights_checksum(tensors))}},
          {}};
}

RunInput tokenizer_input(const std::string& key, const std::string& path, const std::string& json) {
  // Not its spelling: an export and an import may indent it otherwise.
  const std::string text =
      json.empty() ? json : io::json_text(io::parse_json(json, path + ": tokenizer.json"), -1);
  Checksum sum;
  add_text(sum, text);
  return {key + ": tokenizer",
          path,
          fmt::format("{} bytes", text.size()),
          {{"vocabulary or rules", sum.hex()}},
          {}};
}

// "arch.norm_eps 1e-12 then, 0.5 now". A setting that was not recorded is of a later version.
std::string setting_changes(const RunInput& now, const RunInput& before) {
  std::string changes;
  for (const auto& [key, value] : now.settings) {
    const auto then = before.settings.find(key);
    if (then == before.settings.end() || then->second == value) continue;
    changes += fmt::format("{}{} {} then, {} now", changes.empty() ? "" : ", ", key, then->second, value);
  }
  return changes;
}

}  // namespace

RunInput input_of(const std::string& key, const data::LabelledData& data) {
  Checksum texts, labels;
  for (const std::string& label : data.labels.names()) add_text(labels, label);
  for (const data::Example& row : data.rows) {
    add_text(texts, row.text);
    add_text(texts, row.text_pair);
    labels.update(&row.label, sizeof(row.label));
    labels.update(&row.value, sizeof(row.value));
  }
  return {key,
          data.source.string(),
          fmt::format("{} rows", data.rows.size()),
          {{"labels", labels.hex()}, {"texts", texts.hex()}},
          {}};
}

RunInput architecture_input(const std::string& key, const std::string& path, const nn::EncoderOptions& arch) {
  RunInput input{key + ": architecture", path, "", {}, model::meaning_of_weights(arch)};
  input.settings["arch.embedding.max_positions"] = std::to_string(arch.embedding.max_positions);
  input.size = fmt::format("{} settings", input.settings.size());
  return input;
}

RunInputs inputs_of(const std::string& key, const std::string& path, model::LoadedModel& model) {
  return {weights_input(key, path, model::named_tensors(model.module())),
          architecture_input(key, path, model.arch), tokenizer_input(key, path, model.tokenizer_json)};
}

RunInputs inputs_of(const std::string& key, const std::string& path, const io::Checkpoint& model) {
  return {weights_input(key, path, model.model), architecture_input(key, path, model::arch_of(model, path)),
          tokenizer_input(key, path, model.tokenizer_json)};
}

void describe(RunInput& input, io::JsonFields& fields) {
  fields.add("path", input.path);
  fields.add("size", input.size);
  fields.add("checksums", input.checksums);
  fields.add_unless_empty("settings", input.settings);
}

const RunInput* find_input(const RunInputs& inputs, const std::string& key) {
  const auto found =
      std::find_if(inputs.begin(), inputs.end(), [&](const RunInput& input) { return input.key == key; });
  return found == inputs.end() ? nullptr : &*found;
}

std::string difference(const RunInput& now, const RunInput& before) {
  std::string parts;
  for (const auto& [part, checksum] : now.checksums) {
    const auto then = before.checksums.find(part);
    if (then != before.checksums.end() && then->second == checksum) continue;
    parts += (parts.empty() ? "" : " and ") + part;
  }
  const std::string changes = setting_changes(now, before);
  if (!changes.empty()) return fmt::format("{}: {}: {}", now.key, now.path, changes);
  if (parts.empty()) return parts;
  return fmt::format("{}: {}: other {} than {} had when the run was begun ({} then, {} now)", now.key,
                     now.path, parts, before.path == now.path ? "it" : before.path, before.size, now.size);
}

void require_same_inputs(const RunInputs& now, const RunInputs& before, const std::string& where,
                         const std::string& way_out) {
  std::string changes;
  for (const RunInput& input : now) {
    const RunInput* then = find_input(before, input.key);
    if (then == nullptr) continue;
    const std::string change = difference(input, *then);
    if (!change.empty()) changes += (changes.empty() ? "" : "; ") + change;
  }
  if (changes.empty()) return;
  throw InputError(fmt::format("{}: {}. Put the old content back to resume. {}", where, changes, way_out));
}

}  // namespace espalier::train

namespace espalier::io {

Json JsonForm<train::RunInputs>::write(const train::RunInputs& inputs) {
  Json json = Json::object();
  for (const train::RunInput& input : inputs) json[input.key] = to_json(input);
  return json;
}

void JsonForm<train::RunInputs>::read(const JsonView& view, train::RunInputs& inputs) {
  inputs.clear();
  for (const std::string& key : view.keys()) {
    inputs.push_back(from_json<train::RunInput>(view[key]));
    inputs.back().key = key;
  }
}

}  // namespace espalier::io
