#include "io/hf_names.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"

namespace espalier::io {

namespace {

// As nn/parameter_list.h has it.
constexpr std::string_view kTransposedSuffix = "_t";

// What a module of ours is called in transformers' BERT and DistilBERT; '|' stands between queries, keys and
// values. Null: the class has no such module.
struct StockModule {
  std::string_view ours;
  const char* bert;
  const char* distilbert;
};

constexpr std::array<StockModule, 9> kModules = {{
    {"encoder.embedding.word_embedding", "bert.embeddings.word_embeddings",
     "distilbert.embeddings.word_embeddings"},
    {"encoder.embedding.pos_embedding.embedding", "bert.embeddings.position_embeddings",
     "distilbert.embeddings.position_embeddings"},
    {"encoder.embedding.token_type_embedding", "bert.embeddings.token_type_embeddings", nullptr},
    {"encoder.embedding.norm", "bert.embeddings.LayerNorm", "distilbert.embeddings.LayerNorm"},
    {"pooler.dense", "bert.pooler.dense", "pre_classifier"},
    {"head", "classifier", "classifier"},
    {"decoder", "cls.predictions", "vocab_projector"},
    {"transform.dense", "cls.predictions.transform.dense", "vocab_transform"},
    {"transform.norm", "cls.predictions.transform.LayerNorm", "vocab_layer_norm"},
}};

constexpr std::string_view kLayers = "encoder.layers.";
constexpr const char* kBertLayers = "bert.encoder.layer.";
constexpr const char* kDistilBertLayers = "distilbert.transformer.layer.";

// After "encoder.layers.N."
constexpr std::array<StockModule, 6> kLayerModules = {{
    {"norm1", "attention.output.LayerNorm", "sa_layer_norm"},
    {"attn.self_attention.query_key_value", "attention.self.query|attention.self.key|attention.self.value",
     "attention.q_lin|attention.k_lin|attention.v_lin"},
    {"attn.dense", "attention.output.dense", "attention.out_lin"},
    {"norm2", "output.LayerNorm", "output_layer_norm"},
    {"ffn.dense_in", "intermediate.dense", "ffn.lin1"},
    {"ffn.dense_out", "output.dense", "ffn.lin2"},
}};

template <std::size_t kCount>
const char* find_module(const std::array<StockModule, kCount>& modules, HfLayout layout,
                        std::string_view ours) {
  for (const StockModule& module : modules) {
    if (module.ours == ours) return layout == HfLayout::kBert ? module.bert : module.distilbert;
  }
  return nullptr;
}

// "a|b|c" -> PREFIXaSUFFIX, PREFIXbSUFFIX, PREFIXcSUFFIX
std::vector<std::string> each_name(const std::string& prefix, std::string_view modules,
                                   std::string_view suffix) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= modules.size();) {
    const std::size_t end = std::min(modules.find('|', begin), modules.size());
    names.push_back(prefix + std::string(modules.substr(begin, end - begin)) + std::string(suffix));
    begin = end + 1;
  }
  return names;
}

// Calls use(offset in ours, part, offset in the part, count) for the elements of each head and part.
template <class Use>
void for_each_head(std::int64_t elements, std::int64_t heads, const Use& use) {
  const std::int64_t count = elements / (3 * heads);
  for (std::int64_t head = 0; head < heads; ++head) {
    for (std::int64_t part = 0; part < 3; ++part) {
      use((3 * head + part) * count, part, head * count, count);
    }
  }
}

}  // namespace

HfStored hf_stored(HfLayout layout, const std::string& name) {
  if (layout == HfLayout::kEspalier) return {HfStored::Form::kAsIs, {name}};
  if (layout == HfLayout::kOriginal) {
    if (!name.ends_with(kTransposedSuffix)) return {HfStored::Form::kAsIs, {name}};
    return {HfStored::Form::kTransposed, {name.substr(0, name.size() - kTransposedSuffix.size())}};
  }
  const std::size_t dot = name.rfind('.');
  const std::string_view whole = name, suffix = whole.substr(dot);
  std::string_view module = whole.substr(0, dot);
  std::string prefix;
  const char* stock = nullptr;
  if (module.starts_with(kLayers)) {
    const std::size_t end = module.find('.', kLayers.size()) + 1;
    prefix = (layout == HfLayout::kBert ? kBertLayers : kDistilBertLayers) +
             std::string(module.substr(kLayers.size(), end - kLayers.size()));
    stock = find_module(kLayerModules, layout, module.substr(end));
  } else {
    stock = find_module(kModules, layout, module);
  }
  ESPALIER_CHECK(stock != nullptr);  // the layout was chosen for such a model
  HfStored stored{HfStored::Form::kAsIs, each_name(prefix, stock, suffix)};
  if (stored.names.size() > 1) stored.form = HfStored::Form::kByPart;
  return stored;
}

std::string without_base(HfLayout layout, const std::string& name) {
  const std::string_view base = layout == HfLayout::kBert         ? "bert."
                                : layout == HfLayout::kDistilBert ? "distilbert."
                                : layout == HfLayout::kEspalier   ? "encoder."
                                                                  : "";
  return name.starts_with(base) ? name.substr(base.size()) : name;
}

bool has_pooler_within(const nn::EncoderOptions& arch, const std::optional<nn::ClassifierOptions>& head) {
  return arch.pooler && (!head || (head->pooler == nn::Pooler::kFirst && head->head_dim == arch.hidden_size &&
                                   head->activation == nn::HeadActivation::kTanh));
}

std::string within_encoder(const std::string& name) {
  return name.starts_with("pooler.") ? "encoder." + name : name;
}

Shape hf_shape(const HfStored& stored, const Shape& shape) {
  switch (stored.form) {
    case HfStored::Form::kAsIs:
      return shape;
    case HfStored::Form::kTransposed:
      return {shape[1], shape[0]};
    case HfStored::Form::kByPart:
      return shape.rank() == 1 ? Shape{shape[0] / 3} : Shape{shape[0] / 3, shape[1]};
  }
  return shape;
}

namespace {

template <class Element>
std::vector<BasicTensor<Element>> parted(const BasicTensor<Element>& tensor, const Shape& part_shape,
                                         std::int64_t heads) {
  std::vector<BasicTensor<Element>> parts;
  for (int i = 0; i < 3; ++i) parts.push_back(BasicTensor<Element>::empty(part_shape));
  for_each_head(tensor.size(), heads,
                [&](std::int64_t ours, std::int64_t part, std::int64_t theirs, std::int64_t count) {
                  Element* to = parts[static_cast<std::size_t>(part)].data();
                  std::copy_n(tensor.data() + ours, count, to + theirs);
                });
  return parts;
}

template <class Element, class PartOf>
BasicTensor<Element> joined(const Shape& part_shape, std::int64_t heads, const PartOf& part_of) {
  auto tensor = BasicTensor<Element>::empty(part_shape.with_extent(0, 3 * part_shape[0]));
  for_each_head(tensor.size(), heads,
                [&](std::int64_t ours, std::int64_t part, std::int64_t theirs, std::int64_t count) {
                  const Element* from = part_of(static_cast<std::size_t>(part)).data();
                  std::copy_n(from + theirs, count, tensor.data() + ours);
                });
  return tensor;
}

}  // namespace

std::vector<NamedTensor> to_hf(const HfStored& stored, const Tensor& tensor, std::int64_t heads) {
  if (stored.form == HfStored::Form::kAsIs) return {{stored.names[0], tensor}};
  if (stored.form == HfStored::Form::kTransposed) return {{stored.names[0], transposed(tensor)}};
  std::vector<NamedTensor> parts;
  for (const Tensor& part : parted(tensor, hf_shape(stored, tensor.shape()), heads))
    parts.push_back({stored.names[parts.size()], part});
  return parts;
}

std::vector<NamedBytes> to_hf(const HfStored& stored, const ByteMatrix& matrix, std::int64_t heads) {
  ESPALIER_CHECK(stored.form != HfStored::Form::kTransposed);
  if (stored.form == HfStored::Form::kAsIs) return {{stored.names[0], matrix}};
  const auto bytes = parted(matrix.bytes, hf_shape(stored, matrix.shape()), heads);
  const auto scales = parted(matrix.scales, hf_shape(stored, matrix.scales.shape()), heads);
  std::vector<NamedBytes> parts;
  for (std::size_t i = 0; i < bytes.size(); ++i) parts.push_back({stored.names[i], {bytes[i], scales[i]}});
  return parts;
}

Tensor from_hf(const HfStored& stored, std::span<const Tensor> parts, std::int64_t heads) {
  if (stored.form == HfStored::Form::kAsIs) return parts[0];
  if (stored.form == HfStored::Form::kTransposed) return transposed(parts[0]);
  return joined<float>(parts[0].shape(), heads, [&](std::size_t i) { return parts[i]; });
}

ByteMatrix from_hf(const HfStored& stored, std::span<const ByteMatrix> parts, std::int64_t heads) {
  ESPALIER_CHECK(stored.form != HfStored::Form::kTransposed);
  if (stored.form == HfStored::Form::kAsIs) return parts[0];
  return {joined<std::int8_t>(parts[0].shape(), heads, [&](std::size_t i) { return parts[i].bytes; }),
          joined<float>(parts[0].scales.shape(), heads, [&](std::size_t i) { return parts[i].scales; })};
}

Tensor transposed(const Tensor& matrix) {
  const std::int64_t rows = matrix.shape()[0];
  const std::int64_t columns = matrix.shape()[1];
  Tensor result = Tensor::empty({columns, rows});
  constexpr std::int64_t kTile = 64;
  parallel_for(rows, kTile, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = 0; c < columns; ++c) {
      for (std::int64_t r = begin; r < end; ++r) result.data()[c * rows + r] = matrix.data()[r * columns + c];
    }
  });
  return result;
}

std::string decoder_name(HfLayout layout) {
  switch (layout) {
    case HfLayout::kOriginal:
    case HfLayout::kEspalier:
      return "decoder.weight";
    case HfLayout::kBert:
      return "cls.predictions.decoder.weight";
    case HfLayout::kDistilBert:
      return "vocab_projector.weight";
  }
  return "";
}

}  // namespace espalier::io
