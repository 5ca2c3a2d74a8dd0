// Tensors of the original's layout that are none of ours.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "espalier/io/hf_model.h"

namespace espalier::io {

// The same shape and bits.
bool same_bytes(const Tensor& a, const Tensor& b);
// To the nearest number that `dtype` can hold and back; F32, C64 and whole numbers stay as they are.
void round_to(DType dtype, std::span<float> values);

// A tensor that the original stores although it follows from the architecture, or has no effect.
struct HfBuffer {
  std::string name;
  Shape shape;  // as stored; a complex number (C64) is one element
  DType dtype = DType::kF32;
  std::function<Tensor()> value;  // what we write; C64 with a last axis (real, imaginary)
  enum class Kind {
    kScale,          // attention's 1 / sqrt(head size)
    kRotaryAngles,   // freqs_cis
    kPositionIds,    // 0, 1, 2 ...
    kWithoutEffect,  // any value
    kZero,           // a bias that we do not have
  } kind = Kind::kScale;
};

// In the order of layers. With `rotary_without_effect`, the buffers of `rotary_embedding: true` too.
std::vector<HfBuffer> hf_buffers(const nn::EncoderOptions& arch, bool rotary_without_effect);

// The original's tables of rotary angles are this long.
inline constexpr std::int64_t kRotaryPositions = 1024;

}  // namespace espalier::io
