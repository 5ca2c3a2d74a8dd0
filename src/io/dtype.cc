#include "io/dtype.h"

#include <array>
#include <cmath>
#include <cstring>

#include "espalier/base/error.h"
#include "tensor/half.h"

namespace espalier::io {

namespace {

struct DTypeEntry {
  DType dtype;
  const char* name;
  std::size_t bytes;
  std::size_t floats;
};

constexpr std::array<DTypeEntry, 11> kDTypes{{{DType::kF64, "F64", 8, 1},
                                              {DType::kF32, "F32", 4, 1},
                                              {DType::kF16, "F16", 2, 1},
                                              {DType::kBF16, "BF16", 2, 1},
                                              {DType::kC64, "C64", 8, 2},
                                              {DType::kI64, "I64", 8, 0},
                                              {DType::kI32, "I32", 4, 0},
                                              {DType::kI16, "I16", 2, 0},
                                              {DType::kI8, "I8", 1, 0},
                                              {DType::kU8, "U8", 1, 0},
                                              {DType::kBool, "BOOL", 1, 0}}};

const DTypeEntry& entry(DType dtype) {
  const DTypeEntry& found = kDTypes[static_cast<std::size_t>(dtype)];
  ESPALIER_CHECK(found.dtype == dtype);
  return found;
}

template <class Stored, class Out, class Convert>
void convert_all(const std::byte* bytes, std::size_t count, Out* out, const Convert& convert) {
  for (std::size_t i = 0; i < count; ++i) {
    Stored stored;
    std::memcpy(&stored, bytes + i * sizeof(Stored), sizeof(Stored));
    out[i] = static_cast<Out>(convert(stored));
  }
}

constexpr auto kAsIs = [](auto value) { return value; };

template <class Out>
void decode_floats(DType dtype, const std::byte* bytes, std::size_t count, Out* out) {
  switch (dtype) {
    case DType::kF64:
      return convert_all<double>(bytes, count, out, kAsIs);
    case DType::kF32:
    case DType::kC64:
      return convert_all<float>(bytes, count, out, kAsIs);
    case DType::kF16:
      return convert_all<std::uint16_t>(bytes, count, out, float_from_half);
    case DType::kBF16:
      return convert_all<std::uint16_t>(bytes, count, out, float_from_bfloat16);
    default:
      ESPALIER_CHECK(floats_per_element(dtype) > 0);
  }
}

}  // namespace

const char* dtype_name(DType dtype) {
  return entry(dtype).name;
}
std::size_t dtype_bytes(DType dtype) {
  return entry(dtype).bytes;
}
std::size_t floats_per_element(DType dtype) {
  return entry(dtype).floats;
}

std::optional<DType> dtype_from_name(std::string_view name) {
  for (const DTypeEntry& candidate : kDTypes) {
    if (name == candidate.name) return candidate.dtype;
  }
  return std::nullopt;
}

void decode(DType dtype, const std::byte* bytes, std::size_t count, float* out) {
  decode_floats(dtype, bytes, count, out);
}

void decode(DType dtype, const std::byte* bytes, std::size_t count, double* out) {
  decode_floats(dtype, bytes, count, out);
}

bool decode(DType dtype, const std::byte* bytes, std::size_t count, std::int64_t* out) {
  switch (dtype) {
    case DType::kI64:
      convert_all<std::int64_t>(bytes, count, out, kAsIs);
      return true;
    case DType::kI32:
      convert_all<std::int32_t>(bytes, count, out, kAsIs);
      return true;
    case DType::kI16:
      convert_all<std::int16_t>(bytes, count, out, kAsIs);
      return true;
    case DType::kI8:
      convert_all<std::int8_t>(bytes, count, out, kAsIs);
      return true;
    case DType::kU8:
    case DType::kBool:
      convert_all<std::uint8_t>(bytes, count, out, kAsIs);
      break;
    default:
      ESPALIER_CHECK(floats_per_element(dtype) == 0);
  }
  if (dtype == DType::kU8) return true;
  for (std::size_t i = 0; i < count; ++i) {
    if (out[i] > 1) return false;
  }
  return true;
}

std::size_t encode(DType dtype, const float* values, std::size_t count, std::byte* out) {
  if (dtype == DType::kF32 || dtype == DType::kC64) {
    std::memcpy(out, values, count * sizeof(float));
    return count;
  }
  if (dtype == DType::kI64) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto whole = static_cast<std::int64_t>(values[i]);
      ESPALIER_CHECK(static_cast<float>(whole) == values[i]);
      std::memcpy(out + i * sizeof(whole), &whole, sizeof(whole));
    }
    return count;
  }
  ESPALIER_CHECK(dtype == DType::kF16 || dtype == DType::kBF16);
  for (std::size_t i = 0; i < count; ++i) {
    const bool half = dtype == DType::kF16;
    if (half && std::isfinite(values[i]) && std::abs(values[i]) >= 65520.0F) return i;
    const std::uint16_t bits = half ? half_from_float(values[i]) : bfloat16_from_float(values[i]);
    std::memcpy(out + i * sizeof(bits), &bits, sizeof(bits));
  }
  return count;
}

}  // namespace espalier::io
