// The layouts with our names: of the original code (UltraFastBERT), with the buffers of a crammed BERT, and
// of our own classes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "espalier/base/error.h"
#include "espalier/io/model_tensors.h"
#include "io/hf_names.h"
#include "io/hf_readers.h"
#include "io/hf_tensors.h"

namespace espalier::io {

namespace {

class OriginalReader {
 public:
  OriginalReader(HfModel& model, HfLayout layout, HfTensorFile& file)
      : model_(model), layout_(layout), file_(file), decoder_(decoder_name(layout)) {}

  void read_all(const HfConfig& config) {
    choose_vocabulary();
    validate_arch(model_, config);
    const nn::ClassifierOptions* head = model_.classifier ? &*model_.classifier : nullptr;
    visit_model_tensors(model_.arch, head,
                        [this](const std::string& name, const Shape& shape) { add(name, shape); });
    if (layout_ == HfLayout::kOriginal) {
      for (const HfBuffer& buffer : hf_buffers(model_.arch, config.rotary_without_effect))
        read_buffer(buffer);
    }
    refuse_unknown();
  }

 private:
  void choose_vocabulary() {
    if (model_.arch.embedding.vocab_size > 0) return;
    const std::string name = file_.contains(kWordEmbedding) ? kWordEmbedding : decoder_;
    if (!file_.contains(name)) file_.fail(fmt::format("tensor `{}` is missing", kWordEmbedding));
    const Shape& shape = file_.info(name).shape;
    if (shape.rank() != 2)
      file_.fail(fmt::format("tensor `{}` must be a matrix, found {}", name, shape.str()));
    model_.arch.embedding.vocab_size = shape[0];
  }

  // Of an encoder alone transformers saves the names without their beginning.
  std::string found_name(const std::string& name) const {
    if (layout_ == HfLayout::kOriginal) return name;
    for (const std::string& other : {without_base(layout_, name), within_encoder(name)}) {
      if (!file_.contains(name) && file_.contains(other)) return other;
    }
    return name;
  }

  void add(const std::string& name, const Shape& shape) {
    const std::string written = hf_stored(layout_, name).names[0], found = found_name(written);
    if (file_.holds_bytes(found)) {
      model_.bytes.push_back({name, file_.take_bytes(found, shape, written)});
    } else {
      model_.tensors.push_back({name, name == kWordEmbedding ? word_embedding(shape) : tensor(name, shape)});
    }
  }

  // A parameter under our name, from the layout's.
  Tensor tensor(const std::string& name, const Shape& shape) {
    const HfStored stored = hf_stored(layout_, name);
    const Tensor value = file_.take(found_name(stored.names[0]), hf_shape(stored, shape), stored.names[0]);
    return from_hf(stored, {&value, 1}, model_.arch.attention.heads);
  }

  // Of the tied pair, the decoder wins: loading in the original copies both into one memory, decoder last.
  Tensor word_embedding(const Shape& shape) {
    const bool decoder = !model_.classifier && file_.contains(decoder_);
    if (!decoder) return tensor(kWordEmbedding, shape);
    Tensor result = file_.take(decoder_, shape);
    if (!file_.contains(kWordEmbedding)) return result;
    if (!file_.take_equal(found_name(kWordEmbedding), decoder_, result, kWordEmbedding)) {
      model_.warnings.push_back(
          fmt::format("{}: `{}` and `{}` are tied but differ; the decoder was taken, as the original does",
                      file_.where(), kWordEmbedding, decoder_));
    }
    return result;
  }

  void read_buffer(const HfBuffer& buffer) {
    if (!file_.contains(buffer.name)) return;
    const Tensor expected = buffer.value();
    const Tensor found = buffer_value(buffer);
    require_same_meaning(buffer, found, expected);
    // Values are compared as we would write them in this type.
    Tensor written = expected.clone();
    round_to(file_.info(buffer.name).dtype, written.span());
    if (!same_bytes(found, written)) model_.source.buffers.push_back({buffer.name, found});
  }

  Tensor buffer_value(const HfBuffer& buffer) {
    if (buffer.dtype == DType::kF32) return file_.take(buffer.name, buffer.shape);
    if (buffer.dtype == DType::kC64) return file_.take_complex(buffer.name, buffer.shape);
    const std::vector<std::int64_t> ids = file_.take_ints(buffer.name, buffer.shape, buffer.dtype);
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
      file_.fail(fmt::format(
          "tensor `{}`: element {} is {}, expected {}: this model computes something else than its "
          "config says",
          buffer.name, i, found.data()[i], expected.data()[i]));
    }
  }

  void refuse_unknown() const {
    const std::vector<std::string> unknown = file_.unused();
    if (unknown.empty()) return;
    file_.fail(fmt::format("{} unknown to this architecture ({}): {}",
                           unknown.size() == 1 ? "a tensor is" : "tensors are", nn::describe(model_.arch.ffn),
                           file_.listed(unknown)));
  }

  HfModel& model_;
  HfLayout layout_;
  HfTensorFile& file_;
  std::string decoder_;
};

}  // namespace

void read_original(HfModel& model, const HfConfig& config, HfTensorFile& file) {
  if (config.sequence_classifier_named || (!config.masked_lm_named && file.contains("head.weight"))) {
    require_supported_head(config);
    set_classifier(model, config, file, "head.weight");
  }
  OriginalReader(model, HfLayout::kOriginal, file).read_all(config);
}

void read_espalier(HfModel& model, const HfConfig& config, HfTensorFile& file) {
  nn::EncoderOptions& arch = model.arch;
  const bool named = config.encoder_named || config.masked_lm_named;
  if (config.sequence_classifier_named || (!named && file.contains("head.weight"))) {
    set_classifier(model, config, file, "head.weight");
  } else if (config.encoder_named) {
    arch.masked_lm_head = arch.head_transform = arch.decoder_bias = false;
    const std::string pooler = "pooler.dense.weight";
    arch.pooler = arch.pooler && (file.contains(pooler) || file.contains(within_encoder(pooler)));
  }
  OriginalReader(model, HfLayout::kEspalier, file).read_all(config);
}

}  // namespace espalier::io
