#include "espalier/ops/precision.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "kernels/isa.h"

namespace espalier::ops {

std::string precision_name(Precision precision) {
  if (precision == Precision::kInt8) return "int8";
  return precision == Precision::kBf16 ? "bf16" : "float32";
}

void require_fast(Precision precision, const std::string& who) {
  if (precision != Precision::kBf16) return;
  const std::string obstacle = kernels::bfloat16_obstacle();
  if (obstacle.empty()) return;
  throw InputError(
      fmt::format("{}: bf16: {}: products of bf16 would take 2 to 4 times as long as in float32; "
                  "use float32",
                  who, obstacle));
}

}  // namespace espalier::ops
