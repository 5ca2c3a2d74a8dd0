#include "io/hf_tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/ops/positions.h"
#include "tensor/half.h"

namespace espalier::io {

namespace {

Tensor scalar(float value) {
  return Tensor::full(Shape{}, value);
}

Tensor counting(std::int64_t count) {
  Tensor ids = Tensor::empty({1, count});
  for (std::int64_t i = 0; i < count; ++i) ids.data()[i] = static_cast<float>(i);
  return ids;
}

// What `rotary_embedding: true` keeps: 10000^(-2i / head size).
Tensor inverse_frequencies(std::int64_t head_dim) {
  Tensor frequencies = Tensor::empty({head_dim / 2});
  for (std::int64_t i = 0; i < head_dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(head_dim);
    frequencies.data()[i] = 1.0F / std::pow(10000.0F, exponent);
  }
  return frequencies;
}

// A dense layer of width 0 computes nothing; the original has its empty matrices all the same.
void add_empty_layer(const nn::EncoderOptions& arch, const std::string& layer,
                     std::vector<HfBuffer>& buffers) {
  const std::int64_t d = arch.hidden_size;
  const auto add = [&](const std::string& name, const Shape& shape, float value,
                       HfBuffer::Kind kind = HfBuffer::Kind::kWithoutEffect) {
    buffers.push_back(
        {layer + name, shape, DType::kF32, [shape, value] { return Tensor::full(shape, value); }, kind});
  };
  add("norm2.weight", {d}, 1.0F);
  add("norm2.bias", {d}, 0.0F);
  add("ffn.dense_in.weight", {0, d}, 0.0F);
  add("ffn.dense_out.weight", {d, 0}, 0.0F);
  if (!arch.use_bias) return;
  add("ffn.dense_in.bias", {0}, 0.0F);
  add("ffn.dense_out.bias", {d}, 0.0F, HfBuffer::Kind::kZero);
}

}  // namespace

bool same_bytes(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return false;
  std::atomic<bool> same = true;
  parallel_for(a.size(), 1 << 18, [&](std::int64_t begin, std::int64_t end) {
    const auto bytes = static_cast<std::size_t>(end - begin) * sizeof(float);
    if (std::memcmp(a.data() + begin, b.data() + begin, bytes) != 0) same = false;
  });
  return same;
}

void round_to(DType dtype, std::span<float> values) {
  if (dtype != DType::kF16 && dtype != DType::kBF16) return;
  for (float& value : values) {
    value = dtype == DType::kF16 ? float_from_half(half_from_float(value))
                                 : float_from_bfloat16(bfloat16_from_float(value));
  }
}

std::vector<HfBuffer> hf_buffers(const nn::EncoderOptions& arch, bool rotary_without_effect) {
  std::vector<HfBuffer> buffers;
  const std::int64_t head_dim = arch.hidden_size / arch.attention.heads;
  const std::int64_t positions = arch.embedding.max_positions;
  if (arch.embedding.positions == nn::Positions::kLearned) {
    buffers.push_back({"encoder.embedding.pos_embedding.position_ids",
                       {1, positions},
                       DType::kI64,
                       [positions] { return counting(positions); },
                       HfBuffer::Kind::kPositionIds});
  }
  for (std::int64_t i = 0; i < arch.layers; ++i) {
    const std::string layer = fmt::format("encoder.layers.{}.", i);
    const std::string attention = layer + "attn.self_attention.";
    buffers.push_back({attention + "norm_factor",
                       {},
                       DType::kF32,
                       [head_dim] { return scalar(1.0F / std::sqrt(static_cast<float>(head_dim))); },
                       HfBuffer::Kind::kScale});
    if (arch.attention.rotary) {
      buffers.push_back({attention + "rotary_emb.freqs_cis",
                         {kRotaryPositions, head_dim / 2},
                         DType::kC64,
                         [head_dim] { return ops::make_rotary_table(kRotaryPositions, head_dim).angles; },
                         HfBuffer::Kind::kRotaryAngles});
    }
    if (rotary_without_effect) {
      buffers.push_back({attention + "rotary_emb.inv_freq",
                         {head_dim / 2},
                         DType::kF32,
                         [head_dim] { return inverse_frequencies(head_dim); },
                         HfBuffer::Kind::kWithoutEffect});
    }
    if (!nn::has_feed_forward(arch.ffn)) add_empty_layer(arch, layer, buffers);
  }
  return buffers;
}

}  // namespace espalier::io
