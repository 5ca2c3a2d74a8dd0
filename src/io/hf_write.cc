#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>

#include "espalier/base/error.h"
#include "espalier/io/hf_model.h"
#include "espalier/io/model_tensors.h"
#include "espalier/io/run_files.h"
#include "espalier/io/sentence_files.h"
#include "espalier/io/text_file.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/ops/quantized.h"
#include "io/hf_config.h"
#include "io/hf_int8.h"
#include "io/hf_names.h"
#include "io/hf_remote_code.h"
#include "io/hf_tensors.h"
#include "io/hf_tokenizer.h"
#include "io/staged_folder.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

constexpr const char* kWeights = "model.safetensors";
constexpr const char* kMark = "exported_by";
constexpr std::array<const char*, 7> kFiles = {
    "config.json",           "model_config.json",       kWeights,   "tokenizer.json",
    "tokenizer_config.json", "special_tokens_map.json", "README.md"};

bool is_ours(const std::string& name) {
  const auto modules = remote_modules();
  return std::find(kFiles.begin(), kFiles.end(), name) != kFiles.end() ||
         std::any_of(modules.begin(), modules.end(),
                     [&](const RemoteModule& module) { return module.file == name; });
}

bool is_export(const fs::path& folder) {
  try {
    return SafetensorsReader(folder / kWeights).metadata().contains(kMark);
  } catch (const Error&) {
    return false;
  }
}

bool holds_event_files_alone(const fs::path& folder) {
  if (folder.filename() != "tensorboard" || !fs::is_directory(folder)) return false;
  const auto entries = std::distance(fs::directory_iterator(folder), fs::directory_iterator());
  return static_cast<std::size_t>(entries) == event_files(folder.parent_path()).size();
}

void copy_event_files(const std::vector<fs::path>& files, const fs::path& folder) {
  for (const fs::path& file : files) {
    const fs::path copy = folder / "tensorboard" / file.filename();
    std::error_code error;
    fs::create_directories(copy.parent_path(), error);
    if (!error) fs::copy_file(file, copy, error);
    if (error) throw RunError(fmt::format("{}: could not be copied: {}", file.string(), error.message()));
  }
}

bool is_of_an_export(const fs::path& entry) {
  return is_ours(entry.filename().string()) || is_sentence_entry(entry) || holds_event_files_alone(entry);
}

// What an export into an empty folder left there that was killed, and nothing else.
void clear_unfinished(const fs::path& folder) {
  if (!fs::is_directory(folder)) return;
  bool unfinished = false;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    const bool temporary = StagedFolder::is_unfinished(entry.path());
    if (!temporary && !is_of_an_export(entry.path())) return;
    unfinished = unfinished || temporary;
  }
  if (!unfinished) return;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    fs::remove_all(entry.path(), ignored);
}

// Only what an export wrote may be replaced.
void require_replaceable(const fs::path& folder) {
  if (!fs::exists(folder)) return;
  if (!fs::is_directory(folder)) {
    throw InputError(fmt::format("{}: is a file; export writes a folder", folder.string()));
  }
  if (fs::is_empty(folder)) return;
  if (!is_export(folder)) {
    throw InputError(
        fmt::format("{}: the folder is not empty and holds no earlier export; give a new or an empty folder",
                    folder.string()));
  }
  if (fs::equivalent(folder, fs::current_path())) {
    throw InputError(
        fmt::format("{}: an earlier export is replaced as a folder, which this working directory cannot be; "
                    "run the command from "
                    "elsewhere",
                    folder.string()));
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (is_of_an_export(entry.path())) continue;
    throw InputError(
        fmt::format("{}: the folder holds an earlier export, but also {}, which would be lost; move it or "
                    "give a new folder",
                    folder.string(), entry.path().filename().string()));
  }
}

class Entries {
 public:
  Entries(const HfModel& model, std::optional<DType> dtype) : source_(model.source), dtype_(dtype) {}

  void add(const std::string& name, const Tensor& value) { add(name, value, float_type(name)); }
  void add(const std::string& name, const Tensor& value, DType dtype) {
    entries_.push_back({name, value, dtype});
  }
  void add(const std::string& name, const ByteMatrix& matrix) {
    entries_.push_back({name, Tensor(), DType::kI8, matrix.bytes});
    entries_.push_back({scale_name_of(name), matrix.scales.reshape({matrix.shape()[0], 1}), DType::kF32});
  }

  // The stored value where it is not the one that follows from the architecture.
  void add_buffer(const HfBuffer& buffer) {
    const auto stored = std::find_if(source_.buffers.begin(), source_.buffers.end(),
                                     [&](const NamedTensor& tensor) { return tensor.name == buffer.name; });
    const DType dtype = buffer.dtype == DType::kF32 ? float_type(buffer.name) : buffer.dtype;
    add(buffer.name, stored == source_.buffers.end() ? buffer.value() : stored->value, dtype);
  }

  // By the name that a class with a head gives the tensor.
  DType float_type(const std::string& name) const {
    if (dtype_) return *dtype_ == DType::kI8 ? DType::kF32 : *dtype_;
    const auto own = source_.dtypes.find(name);
    return own == source_.dtypes.end() ? source_.dtype : own->second;
  }

  const std::vector<SafetensorsEntry>& all() const { return entries_; }

 private:
  const HfSource& source_;
  std::optional<DType> dtype_;
  std::vector<SafetensorsEntry> entries_;
};

bool rotary_without_effect(const HfModel& model) {
  const JsonView config(model.source.config, "config.json");
  if (!config.has("arch") || !config["arch"].has("attention")) return false;
  const JsonView attention = config["arch"]["attention"];
  return attention.has("rotary_embedding") && attention["rotary_embedding"].json() == Json(true);
}

bool is_untied(const HfModel& model) {
  return !JsonView(model.source.config, "config.json").get("tie_word_embeddings", true);
}

// The original stores the decoder beside the word embedding that it is tied to, classes of transformers only
// where the config says that it is not.
bool has_decoder(const HfModel& model, HfLayout layout) {
  if (model.classifier || !model.arch.masked_lm_head) return false;
  return layout == HfLayout::kOriginal || (layout != HfLayout::kEspalier && is_untied(model));
}

void add_tensors(const HfModel& model, HfLayout layout, bool int8, Entries& entries) {
  const bool base_alone = layout != HfLayout::kEspalier && !model.classifier && !model.arch.masked_lm_head;
  const bool within = layout == HfLayout::kEspalier && has_pooler_within(model.arch, model.classifier);
  const auto written = [&](const std::string& name) {
    return base_alone ? without_base(layout, name) : within ? within_encoder(name) : name;
  };
  const std::set<std::string> in_bytes = int8 ? tensors_in_bytes(model) : std::set<std::string>();
  for (const NamedTensor& tensor : model.tensors) {
    const HfStored stored = hf_stored(layout, tensor.name);
    if (in_bytes.contains(tensor.name)) {
      const ByteMatrix bytes = ops::quantize(tensor.value, tensor.name);
      for (const NamedBytes& part : to_hf(stored, bytes, model.arch.attention.heads))
        entries.add(written(part.name), part.value);
      continue;
    }
    for (const NamedTensor& part : to_hf(stored, tensor.value, model.arch.attention.heads)) {
      entries.add(written(part.name), part.value, entries.float_type(part.name));
    }
    if (!int8 && tensor.name == kWordEmbedding && has_decoder(model, layout)) {
      entries.add(decoder_name(layout), tensor.value);
    }
  }
}

void write_weights(const fs::path& path, const HfModel& model, HfLayout layout, std::optional<DType> dtype) {
  Entries entries(model, dtype);
  add_tensors(model, layout, dtype == DType::kI8, entries);
  if (layout == HfLayout::kOriginal) {
    for (const HfBuffer& buffer : hf_buffers(model.arch, rotary_without_effect(model)))
      entries.add_buffer(buffer);
  } else if (layout != HfLayout::kEspalier) {
    for (const NamedTensor& kept : model.source.buffers) entries.add(kept.name, kept.value);
  }
  write_safetensors(path, entries.all(), {{"format", "pt"}, {kMark, "espalier"}});
}

// Of a text in fine-tuning; 0: not known.
std::int64_t trained_length(const HfModel& model) {
  const JsonView own(model.own, "espalier");
  return model.own.is_object() && own.has("task") ? own["task"].get("max_length", std::int64_t{0}) : 0;
}

void write_tokenizer(const fs::path& folder, const HfModel& model, HfLayout layout) {
  if (model.tokenizer_json.empty()) return;
  const text::TokenizerModel tokenizer = parse_tokenizer_json(model.tokenizer_json, "tokenizer.json");
  write_text_atomically(folder / "tokenizer.json",
                        without_length_sections(model.tokenizer_json, "tokenizer.json"));
  const Json& map = model.source.special_tokens_map;
  Json config =
      hf_tokenizer_config(tokenizer, model.source.tokenizer_config, model.arch.embedding.max_positions,
                          layout != HfLayout::kDistilBert && model.arch.embedding.token_types != 1);
  if (const std::int64_t length = trained_length(model); length > 0) config["model_max_length"] = length;
  write_text_atomically(folder / "tokenizer_config.json", json_text(config));
  write_text_atomically(folder / "special_tokens_map.json",
                        json_text(map.is_null() ? hf_special_tokens_map(tokenizer) : map));
}

}  // namespace

bool stores_rotary_tables(const HfModel& model) {
  return model.arch.attention.rotary || rotary_without_effect(model);
}

void write_hf_model(const fs::path& folder, const HfModel& model, const HfWriteOptions& options) {
  const HfLayout layout = export_layout(model, options.format, options.dtype);
  const nn::ClassifierOptions* head = model.classifier ? &*model.classifier : nullptr;
  check_model_tensors(model.arch, head, model.tensors, "export");
  clear_unfinished(folder);
  require_replaceable(folder);
  StagedFolder staged(folder, kWeights);
  const Json config = hf_config(model, layout, options.dtype);
  write_text_atomically(staged.temporary() / "config.json", json_text(config));
  // The original's own loader reads the architecture from this file.
  if (layout == HfLayout::kOriginal) {
    write_text_atomically(staged.temporary() / "model_config.json", json_text(config.at("arch")));
  }
  if (layout == HfLayout::kEspalier) {
    for (const RemoteModule& module : remote_modules()) {
      write_text_atomically(staged.temporary() / module.file, module.text);
    }
  }
  write_tokenizer(staged.temporary(), model, layout);
  if (!model.sentence_files.is_null()) write_sentence_files(staged.temporary(), model.sentence_files);
  if (!options.model_card.empty())
    write_text_atomically(staged.temporary() / "README.md", options.model_card);
  copy_event_files(options.event_files, staged.temporary());
  write_weights(staged.temporary() / kWeights, model, layout, options.dtype);
  staged.commit();
}

}  // namespace espalier::io
