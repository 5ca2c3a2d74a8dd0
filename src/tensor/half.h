// The 16-bit floating-point formats, converted in software: rounding to nearest, ties to even.
#pragma once

#include <cstdint>

namespace espalier {

float float_from_half(std::uint16_t bits);       // IEEE binary16, exact
float float_from_bfloat16(std::uint16_t bits);   // upper half of a binary32, exact
std::uint16_t half_from_float(float value);      // beyond 65504 + 15 rounds to infinity
std::uint16_t bfloat16_from_float(float value);  // a NaN stays a NaN

}  // namespace espalier
