// What a model's tensors are called in Hugging Face folders, and how they lie there: the one description that
// reading, writing and the tests' gradients go by.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "espalier/io/hf_model.h"

namespace espalier::io {

// How one of our tensors is stored.
struct HfStored {
  enum class Form {
    kAsIs,
    kTransposed,
    kByPart,  // queries, keys and values apart; ours has the rows of the three for head 0, then for head 1
              // ...
  };
  Form form = Form::kAsIs;
  std::vector<std::string> names;  // one, or three by part
};

// `name` is one of io::visit_model_tensors(). Of a stock layout the names are those of the classes with a
// head, which begin with the base model's "bert." or "distilbert."; a base model alone is stored without it.
HfStored hf_stored(HfLayout layout, const std::string& name);
// "bert.embeddings.LayerNorm.weight" -> "embeddings.LayerNorm.weight"; others stay.
std::string without_base(HfLayout layout, const std::string& name);

// Our own classes have BERT's pooler within the encoder, so that AutoModel finds it there, and one of another
// shape beside it. Ours is beside it always.
bool has_pooler_within(const nn::EncoderOptions& arch, const std::optional<nn::ClassifierOptions>& head);
// "pooler.dense.weight" -> "encoder.pooler.dense.weight"; others stay.
std::string within_encoder(const std::string& name);

// The shape of each stored tensor, from that of ours.
Shape hf_shape(const HfStored& stored, const Shape& shape);
// Our tensor as the stored ones, and back. `heads` is nn::AttentionOptions::heads.
std::vector<NamedTensor> to_hf(const HfStored& stored, const Tensor& tensor, std::int64_t heads);
Tensor from_hf(const HfStored& stored, std::span<const Tensor> parts, std::int64_t heads);
// The same of bytes, which no layout has transposed.
std::vector<NamedBytes> to_hf(const HfStored& stored, const ByteMatrix& matrix, std::int64_t heads);
ByteMatrix from_hf(const HfStored& stored, std::span<const ByteMatrix> parts, std::int64_t heads);

// [rows, columns] -> [columns, rows]
Tensor transposed(const Tensor& matrix);

inline constexpr const char* kWordEmbedding = "encoder.embedding.word_embedding.weight";
inline constexpr const char* kDecoderBias = "decoder.bias";
// The tied decoder, which is no tensor of ours: "decoder.weight" in the original.
std::string decoder_name(HfLayout layout);

}  // namespace espalier::io
