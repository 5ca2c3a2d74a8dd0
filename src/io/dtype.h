// Element types of safetensors files, decoded to what the program computes with.
#pragma once

#include <cstddef>
#include <string>

#include "espalier/io/safetensors.h"

namespace espalier::io {

// Floating-point numbers per element: 2 for C64, 1 for the other floating-point types, 0 for whole numbers.
std::size_t floats_per_element(DType dtype);

// `count` numbers (for C64, parts) from their little-endian bytes. The dtype must be a floating-point one.
void decode(DType dtype, const std::byte* bytes, std::size_t count, float* out);
void decode(DType dtype, const std::byte* bytes, std::size_t count, double* out);
// The dtype must be one of the whole-number types. Returns false if a BOOL is neither 0 nor 1.
bool decode(DType dtype, const std::byte* bytes, std::size_t count, std::int64_t* out);
// F32, F16, BF16, C64, I64 (of whole numbers). Returns the index of the first finite value that does not fit
// F16, else `count`.
std::size_t encode(DType dtype, const float* values, std::size_t count, std::byte* out);

}  // namespace espalier::io
