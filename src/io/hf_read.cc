#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <set>

#include "base/shell_quote.h"
#include "espalier/base/error.h"
#include "espalier/io/hf_model.h"
#include "espalier/io/model_tensors.h"
#include "espalier/io/text_file.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/io/tokenizer_source.h"
#include "io/hf_config.h"
#include "io/hf_tensors.h"
#include "io/unwrapped_tensors.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_for_pickle(const std::string& folder) {
  // A JSON string is a Python string too.
  const auto literal = [&](const char* name) { return json_text(Json(folder + "/" + name), -1); };
  const std::string code = fmt::format(
      "import torch, safetensors.torch as s; s.save_file({{k: v.clone().contiguous() for k, v in "
      "torch.load({}, "
      "map_location=\"cpu\", weights_only=True).items()}}, {}, {{\"format\": \"pt\"}})",
      literal("pytorch_model.bin"), literal("model.safetensors"));
  throw InputError(fmt::format(
      "{}: pytorch_model.bin is a Python pickle, which is not read; convert it once with\npython3 -c {}",
      folder, shell_quote(code)));
}

fs::path weights_file(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json"}) {
    if (fs::exists(folder / name)) return folder / name;
  }
  if (fs::exists(folder / "pytorch_model.bin")) fail_for_pickle(folder.string());
  throw InputError(fmt::format("{}: no model.safetensors in this folder", folder.string()));
}

// Reads the tensors of one folder into a model, and keeps count of which were used.
class Reader {
 public:
  Reader(HfModel& model, const fs::path& file) : model_(model), file_(file), reader_(file) {}

  const UnwrappedTensors& file() const { return reader_; }

  void read_all(const HfConfig& config) {
    note_wrapper();
    note_dtypes();
    choose_vocabulary();
    validate(config);
    const nn::ClassifierOptions* head = model_.classifier ? &*model_.classifier : nullptr;
    visit_model_tensors(model_.arch, head, [this](const std::string& name, const Shape& shape) {
      model_.tensors.push_back({name, name == kWordEmbedding ? word_embedding(shape) : tensor(name, shape)});
    });
    for (const HfBuffer& buffer : hf_buffers(model_.arch, config.rotary_without_effect)) read_buffer(buffer);
    refuse_unknown();
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    throw InputError(file_.string() + ": " + message);
  }

  void note_wrapper() {
    if (reader_.wrapper().empty()) return;
    model_.warnings.push_back(
        fmt::format("{}: every tensor's name begins with `{}`, which a wrapper of PyTorch put there; it was "
                    "left out",
                    file_.string(), reader_.wrapper()));
  }

  // The most common float type stands for all but the exceptions.
  void note_dtypes() {
    std::map<DType, std::size_t> counts;
    std::size_t doubles = 0;
    for (const std::string& name : reader_.names()) {
      DType dtype = reader_.info(name).dtype;
      if (dtype == DType::kF64) {
        ++doubles;
        dtype = DType::kF32;
      }
      model_.source.dtypes[name] = dtype;
      if (dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16) ++counts[dtype];
    }
    if (doubles > 0) {
      model_.warnings.push_back(
          fmt::format("{}: {} tensors are F64 and were rounded to F32", file_.string(), doubles));
    }
    std::size_t most = 0;
    for (const auto& [dtype, count] : counts) {
      if (count > most) model_.source.dtype = dtype;
      most = std::max(most, count);
    }
  }

  void choose_vocabulary() {
    if (model_.arch.embedding.vocab_size > 0) return;
    const char* name = reader_.contains(kWordEmbedding) ? kWordEmbedding : kDecoder;
    if (!reader_.contains(name)) fail(fmt::format("tensor `{}` is missing", kWordEmbedding));
    const Shape& shape = reader_.info(name).shape;
    if (shape.rank() != 2) fail(fmt::format("tensor `{}` must be a matrix, found {}", name, shape.str()));
    model_.arch.embedding.vocab_size = shape[0];
  }

  void validate(const HfConfig& config) const {
    try {
      nn::validate(model_.arch);
    } catch (const InputError& error) {
      throw InputError(config.where + ": " + error.what());
    }
  }

  void require_shape(const std::string& name, const Shape& shape) const {
    if (!reader_.contains(name)) fail(fmt::format("tensor `{}` {} is missing", name, shape.str()));
    const SafetensorsInfo& info = reader_.info(name);
    if (info.shape != shape) {
      fail(fmt::format("tensor `{}` must be {} for this config, found {}", name, shape.str(),
                       info.shape.str()));
    }
  }

  void require_float(const std::string& name) const {
    const DType dtype = reader_.info(name).dtype;
    const bool known =
        dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF64;
    if (!known) fail(fmt::format("tensor `{}` must be F32, F16 or BF16, found {}", name, dtype_name(dtype)));
  }

  // A parameter under our name, from the original's.
  Tensor tensor(const std::string& name, const Shape& shape) {
    const std::string stored = hf_name(name);
    const bool turned = hf_transposed(name);
    require_shape(stored, turned ? Shape{shape[1], shape[0]} : shape);
    require_float(stored);
    used_.insert(stored);
    return turned ? transposed(reader_.read(stored)) : reader_.read(stored);
  }

  // Of the tied pair, the decoder wins: loading in the original copies both into one memory, decoder last.
  Tensor word_embedding(const Shape& shape) {
    const bool decoder = !model_.classifier && reader_.contains(kDecoder);
    if (!decoder) return tensor(kWordEmbedding, shape);
    Tensor result = tensor(kDecoder, shape);
    if (!reader_.contains(kWordEmbedding)) return result;
    const Tensor embedding = tensor(kWordEmbedding, shape);
    const auto bytes = static_cast<std::size_t>(result.size()) * sizeof(float);
    if (std::memcmp(result.data(), embedding.data(), bytes) != 0) {
      model_.warnings.push_back(
          fmt::format("{}: `{}` and `{}` are tied but differ; the decoder was taken, as the original does",
                      file_.string(), kWordEmbedding, kDecoder));
    }
    return result;
  }

  void read_buffer(const HfBuffer& buffer) {
    if (!reader_.contains(buffer.name)) return;
    require_shape(buffer.name, buffer.shape);
    used_.insert(buffer.name);
    const Tensor expected = buffer.value();
    const Tensor found = buffer_value(buffer);
    require_same_meaning(buffer, found, expected);
    // Values are compared as we would write them in this type.
    Tensor written = expected.clone();
    round_to(model_.source.dtypes.at(buffer.name), written.span());
    const auto bytes = static_cast<std::size_t>(found.size()) * sizeof(float);
    if (std::memcmp(found.data(), written.data(), bytes) != 0)
      model_.source.buffers.push_back({buffer.name, found});
  }

  Tensor buffer_value(const HfBuffer& buffer) const {
    const DType dtype = reader_.info(buffer.name).dtype;
    if (buffer.dtype == DType::kF32) {
      require_float(buffer.name);
      return reader_.read(buffer.name);
    }
    if (dtype != buffer.dtype) {
      fail(fmt::format("tensor `{}` must be {}, found {}", buffer.name, dtype_name(buffer.dtype),
                       dtype_name(dtype)));
    }
    if (buffer.dtype == DType::kC64) return reader_.read(buffer.name);
    const std::vector<std::int64_t> ids = reader_.read_ints(buffer.name);
    Tensor result = Tensor::empty(buffer.shape);
    std::transform(ids.begin(), ids.end(), result.data(),
                   [](std::int64_t id) { return static_cast<float>(id); });
    return result;
  }

  // Refuses buffers that would make the original compute something else than we do.
  void require_same_meaning(const HfBuffer& buffer, const Tensor& found, const Tensor& expected) const {
    if (buffer.kind == HfBuffer::Kind::kWithoutEffect) return;
    // bfloat16 keeps 8 bits of a scale; float32 angles of other machines differ by 1e-4 at position 1023.
    const float tolerance = buffer.kind == HfBuffer::Kind::kScale          ? 0.01F * expected.data()[0]
                            : buffer.kind == HfBuffer::Kind::kRotaryAngles ? 1e-3F
                                                                           : 0.0F;
    for (std::int64_t i = 0; i < found.size(); ++i) {
      if (std::abs(found.data()[i] - expected.data()[i]) <= tolerance) continue;
      fail(fmt::format(
          "tensor `{}`: element {} is {}, expected {}: this model computes something else than its "
          "config says",
          buffer.name, i, found.data()[i], expected.data()[i]));
    }
  }

  void refuse_unknown() const {
    std::string unknown;
    int count = 0;
    for (const std::string& name : reader_.names()) {
      if (used_.contains(name) || ++count > 5) continue;
      unknown += fmt::format("{}`{}` {}", count == 1 ? "" : ", ", name, reader_.info(name).shape.str());
    }
    if (count == 0) return;
    fail(fmt::format("{} unknown to this architecture ({}): {}{}", count == 1 ? "a tensor is" : "tensors are",
                     nn::describe(model_.arch.ffn), unknown,
                     count > 5 ? fmt::format(" and {} more", count - 5) : std::string()));
  }

  HfModel& model_;
  fs::path file_;
  UnwrappedTensors reader_;
  std::set<std::string> used_;
};

void choose_kind(HfModel& model, const HfConfig& config, const UnwrappedTensors& file) {
  const bool head = file.contains("head.weight");
  if (!config.sequence_classifier_named && (config.masked_lm_named || !head)) return;
  require_supported_head(config);
  model.classifier = config.head;
  if (config.head.labels == 0 && head && file.info("head.weight").shape.rank() == 2) {
    model.classifier->labels = std::max<std::int64_t>(file.info("head.weight").shape[0], 1);
  }
  // transformers writes neither labels nor their number where there are two.
  if (model.classifier->labels == 0) model.classifier->labels = 2;
  require_problem_type(config, model.classifier->labels);
  model.labels = config.labels;
  for (std::int64_t i = static_cast<std::int64_t>(model.labels.size()); i < model.classifier->labels; ++i) {
    model.labels.push_back(fmt::format("LABEL_{}", i));
  }
}

// A model without a tokenizer can still be used for its weights, so that a faulty file is a warning.
void read_vocab(HfModel& model, const fs::path& folder) {
  try {
    model.tokenizer_json = tokenizer_json(bert_tokenizer_of_vocab(folder));
    model.warnings.push_back(fmt::format(
        "{}: there is no tokenizer.json; BERT's tokenizer was made of vocab.txt", folder.string()));
  } catch (const InputError& error) {
    model.warnings.push_back(fmt::format("{}; so the model cannot read text", error.what()));
  }
}

void read_tokenizer_files(HfModel& model, const fs::path& folder) {
  if (fs::exists(folder / "tokenizer.json")) {
    model.tokenizer_json = read_text_file(folder / "tokenizer.json");
    // Without text, a model counts as one that has no tokenizer.
    if (model.tokenizer_json.empty()) {
      throw InputError(
          fmt::format("{}: the file is empty; download it again", (folder / "tokenizer.json").string()));
    }
  } else if (fs::exists(folder / "vocab.txt")) {
    read_vocab(model, folder);
  } else {
    model.warnings.push_back(fmt::format(
        "{}: there is neither tokenizer.json nor vocab.txt, so the model cannot read text", folder.string()));
  }
  const auto read_if_there = [&](const char* name) {
    return fs::exists(folder / name) ? read_json(folder / name) : Json();
  };
  model.source.tokenizer_config = read_if_there("tokenizer_config.json");
  model.source.special_tokens_map = read_if_there("special_tokens_map.json");
}

}  // namespace

HfModel read_hf_model(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw InputError(fmt::format("{}: not a folder", folder.string()));
  HfConfig config = read_hf_config(folder);
  HfModel model;
  model.arch = config.arch;
  model.warnings = std::move(config.warnings);
  Reader reader(model, weights_file(folder));
  choose_kind(model, config, reader.file());
  reader.read_all(config);
  read_tokenizer_files(model, folder);
  model.source.config = std::move(config.document);
  if (model.source.config.contains("espalier")) model.own = model.source.config["espalier"];
  model.source.config["arch"]["embedding"]["vocab_size"] = model.arch.embedding.vocab_size;
  return model;
}

}  // namespace espalier::io
