#include "cli/inspect.h"

#include <fmt/format.h>

#include <string_view>

#include "espalier/base/error.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/hdf5_file.h"
#include "espalier/io/hf_model.h"
#include "espalier/io/safetensors.h"
#include "espalier/io/token_store.h"
#include "espalier/metrics/metrics.h"
#include "espalier/ops/quantized.h"
#include "model/checkpoint_metadata.h"
#include "model/metrics_history.h"

namespace espalier::cli {

namespace fs = std::filesystem;

namespace {

io::Json shape_json(const Shape& shape) {
  io::Json json = io::Json::array();
  for (const std::int64_t extent : shape.extents()) json.push_back(extent);
  return json;
}

std::string hex(std::uint64_t value) {
  return fmt::format("{:016x}", value);
}

constexpr const char* kNoChecksums = "no: safetensors files hold no checksums";

io::Json beginning(const char* kind, const fs::path& path, bool verify) {
  return {{"kind", kind}, {"path", path.string()}, {"verified", verify}};
}

// The keys of the last evaluation, without the prefix, and the statistics of each tree layer.
void add_evaluation(const std::string& metrics, io::Json& json) {
  const io::Json line = model::last_evaluation(metrics);
  json["evaluation"] = io::Json();
  json["trees"] = io::Json::array();
  if (line.is_null()) return;
  io::Json evaluation = io::Json::object();
  for (const auto& [key, value] : line.items()) {
    if (key == "eval_routing") {
      json["trees"] = value;
    } else if (key.starts_with(metrics::kEvaluationPrefix)) {
      evaluation[key.substr(std::string_view(metrics::kEvaluationPrefix).size())] = value;
    } else if (key == "step" || key == "epoch") {
      evaluation[key] = value;
    }
  }
  json["evaluation"] = std::move(evaluation);
}

// Fills in what metadata.json and the tensors of a model say.
void add_model(const io::Json& metadata, const io::Json& tensors, const fs::path& path, io::Json& json) {
  for (const char* key : {"arch", "classifier", "routing", "program"}) {
    const auto found = metadata.find(key);
    json[key] = found == metadata.end() ? io::Json() : *found;
  }
  json["imported"] = metadata.contains("source");
  io::Checkpoint described;
  described.metadata = metadata;
  const nn::EncoderOptions arch = model::arch_of(described, path.string());
  json["parameters"] = parameter_counts(tensors, &arch);
}

io::Json inspect_checkpoint(const fs::path& path, bool verify) {
  const io::CheckpointContents contents = io::list_checkpoint(path, verify);
  io::Json tensors = io::Json::array();
  for (const io::CheckpointContents::Entry& entry : contents.model) {
    tensors.push_back({{"name", entry.name}, {"dtype", entry.dtype}, {"shape", shape_json(entry.shape)}});
  }
  io::Json json = beginning("checkpoint", path, verify);
  json["made_by"] = contents.kind;
  json["format_version"] = contents.format_version;
  json["bytes"] = contents.file_bytes;
  json["weights_checksum"] = hex(contents.weights_checksum);
  json["not_finite"] = contents.not_finite;
  add_model(contents.metadata, tensors, path, json);
  json["optimizer_tensors"] = contents.optimizer.size();
  json["state"] = contents.state;
  json["has_tokenizer"] = !contents.tokenizer_json.empty();
  add_evaluation(contents.metrics_jsonl, json);
  json["tensors"] = std::move(tensors);
  return json;
}

io::Json inspect_token_store(const fs::path& path, bool verify) {
  const io::TokenStoreReader store(path, verify ? io::Verify::kEverything : io::Verify::kAsRead);
  io::Json json = beginning("token store", path, verify);
  json["bytes"] = fs::file_size(path);
  json["vocabulary_size"] = store.vocabulary_size();
  json["sequence_length"] = store.sequence_length();
  for (const io::Split split : {io::Split::kTrain, io::Split::kValidation}) {
    const std::int64_t sequences = store.sequences(split);
    json[io::split_name(split)] = {{"sequences", sequences}, {"tokens", sequences * store.sequence_length()}};
  }
  json["fingerprint"] = store.fingerprint();
  json["manifest"] = store.manifest();
  return json;
}

io::Json inspect_vectors(const fs::path& path, bool verify) {
  const io::Hdf5Reader reader(path, "embeddings", 1, verify ? io::Verify::kEverything : io::Verify::kAsRead);
  io::Json json = beginning("embeddings", path, verify);
  json["bytes"] = reader.file_bytes();
  json["shape"] = shape_json(reader.dataset("embeddings").shape);
  return json;
}

io::Json inspect_hdf5(const fs::path& path, bool verify) {
  const std::string kind = io::hdf5_kind(path);
  if (kind == "checkpoint") return inspect_checkpoint(path, verify);
  if (kind == "embeddings") return inspect_vectors(path, verify);
  return inspect_token_store(path, verify);
}

// Floating-point tensors only: others have no weights in them.
io::Json inspect_safetensors(const fs::path& path, bool verify) {
  const io::SafetensorsReader reader(path);
  io::Json tensors = io::Json::array();
  std::vector<io::NamedTensor> floats;
  for (const std::string& name : reader.names()) {
    const io::SafetensorsInfo& info = reader.info(name);
    tensors.push_back(
        {{"name", name}, {"dtype", io::dtype_name(info.dtype)}, {"shape", shape_json(info.shape)}});
    const bool weights =
        info.dtype == io::DType::kF32 || info.dtype == io::DType::kF16 || info.dtype == io::DType::kBF16;
    if (weights) floats.push_back({name, reader.read(name)});
  }
  io::Json json = beginning("safetensors", path, verify);
  if (verify) json["verified"] = kNoChecksums;
  json["bytes"] = fs::file_size(path);
  json["weights_checksum"] = hex(io::weights_checksum(floats));
  json["not_finite"] = io::tensors_not_finite(floats);
  json["metadata"] = reader.metadata();
  json["parameters"] = parameter_counts(tensors, nullptr);
  json["tensors"] = std::move(tensors);
  return json;
}

// As the checkpoint it would be imported as, so that checksums can be compared.
io::Json inspect_hf_folder(const fs::path& path, bool verify) {
  const io::HfModel model = io::read_hf_model(path, io::HfInt8::kKeep);
  io::Checkpoint checkpoint = model::checkpoint_from_hf(model);
  io::Json tensors = io::Json::array();
  const auto list = [&](const std::string& name, const char* dtype, const Shape& shape) {
    tensors.push_back({{"name", name}, {"dtype", dtype}, {"shape", shape_json(shape)}});
  };
  for (const io::NamedTensor& tensor : model.tensors) list(tensor.name, "float32", tensor.value.shape());
  for (const io::NamedBytes& one : model.bytes) {
    list(one.name, "int8", one.value.shape());
    checkpoint.model.push_back({one.name, ops::dequantize(one.value)});
  }
  io::Json json = beginning("huggingface folder", path, verify);
  if (verify) json["verified"] = kNoChecksums;
  json["weights_checksum"] = hex(io::weights_checksum(checkpoint.model));
  json["not_finite"] = io::tensors_not_finite(checkpoint.model);
  json["stored_as"] = io::dtype_name(model.bytes.empty() ? model.source.dtype : io::DType::kI8);
  add_model(checkpoint.metadata, tensors, path, json);
  json["has_tokenizer"] = !checkpoint.tokenizer_json.empty();
  json["warnings"] = model.warnings;
  json["tensors"] = std::move(tensors);
  return json;
}

}  // namespace

io::Json inspect(const fs::path& path, bool verify) {
  if (!fs::exists(path)) throw InputError(fmt::format("{}: no such file or folder", path.string()));
  if (!fs::is_directory(path)) {
    const std::string name = path.filename().string();
    const bool index = name.ends_with(".safetensors.index.json");
    return name.ends_with(".safetensors") || index ? inspect_safetensors(path, verify)
                                                   : inspect_hdf5(path, verify);
  }
  if (fs::exists(path / "last.h5")) return inspect_checkpoint(path / "last.h5", verify);
  if (fs::exists(path / "tokens.h5")) return inspect_token_store(path / "tokens.h5", verify);
  if (fs::exists(path / "config.json") || fs::exists(path / "model_config.json"))
    return inspect_hf_folder(path, verify);
  throw InputError(fmt::format(
      "{}: holds neither last.h5 (a run), tokens.h5 (prepared text) nor config.json (a Hugging Face folder)",
      path.string()));
}

}  // namespace espalier::cli
