// Products of bytes with AVX512_VNNI, whose `vpdpbusd` adds four of them to a sum of 32 bits without
// saturating. Highway 1.0 has no target with it.
#pragma once

#include <cstdint>

#include "kernels/quantized_part.h"

namespace espalier::kernels {

// Whether the next two are used: where has_vnni(), but for tests of the other forms.
bool use_vnni();
void allow_vnni(bool allowed);

void vnni_part(const QuantizedPart& part);
// QuantizedDots.
void vnni_dots(std::int64_t bytes, const std::int8_t* row, int count, const std::int8_t* const* others,
               const std::int32_t* sums, std::int32_t* out);

}  // namespace espalier::kernels
