#include "model/checkpoint_metadata.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/base/log_once.h"
#include "espalier/io/run_files.h"

namespace espalier::model {

namespace fs = std::filesystem;

namespace {

constexpr const char* kSentenceFiles = "sentence_transformers";

// A published model says nothing: its trees are hard.
RoutingProvenance own_routing(const io::HfModel& model) {
  if (model.own.is_null()) return {};
  const io::JsonView own(model.own, "config.json: espalier");
  return own.has("routing") ? routing_from(own["routing"]) : RoutingProvenance();
}

// Whether hard inference of it needs to know more than a published model tells.
bool says_something(const RoutingProvenance& routing) {
  const RoutingProvenance hard;
  return routing.mode != hard.mode || routing.temperature != hard.temperature || !routing.finished ||
         routing.trained_softly || routing.epsilon || routing.ste_epsilon;
}

// Of the folder that the model came from; null: none.
io::Json tokenizer_config_of(const io::JsonView& metadata) {
  const bool imported = metadata.has("source") && metadata["source"].has("tokenizer_config");
  return imported ? metadata["source"]["tokenizer_config"].json() : io::Json();
}

}  // namespace

io::Checkpoint checkpoint_from_hf(const io::HfModel& model) {
  io::Checkpoint checkpoint;
  checkpoint.kind = "model";
  checkpoint.model = model.tensors;
  checkpoint.bytes = model.bytes;
  checkpoint.tokenizer_json = model.tokenizer_json;
  if (model.own.is_object() && model.own.contains(kSingleTemplate) && !model.tokenizer_json.empty()) {
    checkpoint.tokenizer_json =
        io::with_single_template(model.tokenizer_json, model.own[kSingleTemplate], "tokenizer.json");
  }
  checkpoint.metadata = checkpoint_metadata(model.arch, own_routing(model));
  if (model.classifier) {
    const bool regression = model.classifier->labels == 1;
    checkpoint.metadata["classifier"] = classifier_json(*model.classifier, {model.labels, regression});
  }
  if (model.own.is_object() && model.own.contains("task")) checkpoint.metadata["task"] = model.own["task"];
  checkpoint.metadata["source"] = io::hf_source_json(model.source);
  keep_sentence_files(checkpoint, model.sentence_files);
  return checkpoint;
}

io::HfModel hf_from_checkpoint(const io::Checkpoint& checkpoint, const std::string& where) {
  io::HfModel model;
  model.arch = arch_of(checkpoint, where);
  LabelInfo labels;
  model.classifier = classifier_of(checkpoint, where, labels);
  model.labels = labels.labels;
  model.tensors = checkpoint.model;
  model.tokenizer_json = checkpoint.tokenizer_json;
  const RoutingProvenance routing = routing_of(checkpoint, where);
  if (nn::has_trees(model.arch.ffn) && says_something(routing)) model.own["routing"] = io::to_json(routing);
  if (const auto task = checkpoint.metadata.find("task"); task != checkpoint.metadata.end())
    model.own["task"] = *task;
  const auto source = checkpoint.metadata.find("source");
  if (source != checkpoint.metadata.end()) {
    model.source = io::hf_source_from_json(*source, where + ": metadata.source");
  }
  if (sentence_options_of(checkpoint, where)) model.sentence_files = checkpoint.metadata[kSentenceFiles];
  return model;
}

std::optional<io::SentenceOptions> sentence_options_of(const io::Checkpoint& checkpoint,
                                                       const std::string& where) {
  const io::JsonView metadata(checkpoint.metadata, where + ": metadata");
  if (!metadata.has(kSentenceFiles)) return std::nullopt;
  return io::sentence_options(metadata[kSentenceFiles].json(), tokenizer_config_of(metadata), where);
}

io::Json sentence_files_of(const io::Checkpoint& checkpoint, const std::string& where) {
  const io::JsonView metadata(checkpoint.metadata, where + ": metadata");
  if (!metadata.has(kSentenceFiles)) return {};
  return io::with_own_length(metadata[kSentenceFiles].json(), tokenizer_config_of(metadata), where);
}

void keep_sentence_files(io::Checkpoint& checkpoint, const io::Json& files) {
  if (!files.is_null()) checkpoint.metadata[kSentenceFiles] = files;
}

bool cleans_up_spaces(const io::Checkpoint& checkpoint) {
  const io::JsonView metadata(checkpoint.metadata, "metadata");
  if (!metadata.has("source")) return true;
  const io::JsonView source = metadata["source"];
  // transformers 5 does not clean up unless the file says so.
  return source.has("tokenizer_config") &&
         source["tokenizer_config"].get("clean_up_tokenization_spaces", false);
}

static std::string what_else_is_in(const fs::path& folder) {
  if (fs::exists(folder / "tokens.h5")) return ", but prepared text, from which `pretrain` makes a model";
  if (fs::exists(folder / "modules.json")) {
    return "; where the encoder lies in a folder of its own (0_Transformer), move its files beside "
           "modules.json";
  }
  if (fs::exists(folder / "best.h5")) return ", but best.h5: give that file";
  const std::vector<io::StepFile> files = io::step_files(folder);
  return files.empty() ? "" : fmt::format(", but checkpoints: give {}", files.back().path.string());
}

std::optional<fs::path> checkpoint_file(const fs::path& model) {
  if (!fs::exists(model)) {
    throw InputError(
        fmt::format("{}: no such file or folder; MODEL is a checkpoint .h5, a run folder or a "
                    "Hugging Face folder",
                    model.string()));
  }
  if (fs::is_directory(model)) {
    if (fs::exists(model / "last.h5")) return model / "last.h5";
    if (fs::exists(model / "config.json") || fs::exists(model / "model_config.json")) return std::nullopt;
    throw InputError(fmt::format(
        "{}: holds no model: neither last.h5 (a run folder) nor config.json (a Hugging Face folder){}",
        model.string(), what_else_is_in(model)));
  }
  const bool beside = fs::exists(model.parent_path() / "config.json");
  const bool part = model.extension() == ".json" || model.extension() == ".bin";
  if (model.extension() == ".safetensors" || (part && beside)) {
    throw InputError(
        fmt::format("{}: give the folder that it lies in, with its config.json", model.string()));
  }
  return model;
}

io::Checkpoint load_model_checkpoint(const fs::path& model, io::HfInt8 int8) {
  if (const std::optional<fs::path> file = checkpoint_file(model)) {
    return io::load_checkpoint(*file, io::LoadParts::kModel);
  }
  const io::HfModel imported = io::read_hf_model(model, int8);
  for (const std::string& warning : imported.warnings) log_warning_once(warning);
  return checkpoint_from_hf(imported);
}

}  // namespace espalier::model
