#include "cli/precision_option.h"

#include <vector>

namespace espalier::cli {
namespace {

constexpr ops::Precision kAll[] = {ops::Precision::kFloat32, ops::Precision::kBf16, ops::Precision::kInt8};

}  // namespace

Option* add_precision_option(Command& verb, std::string& precision) {
  std::vector<std::string> names;
  for (const ops::Precision one : kAll) names.push_back(ops::precision_name(one));
  return verb
      .add_option(
          "--precision", precision,
          "Factors of matrix products: bf16, summed in float32, needs AVX512_BF16 or AMX_BF16; int8 (weights "
          "by row, what they read by token), summed exactly, runs anywhere")
      ->check(one_of(names));
}

ops::Precision chosen_precision(const std::string& precision) {
  ops::Precision chosen = ops::Precision::kFloat32;
  for (const ops::Precision one : kAll) {
    if (ops::precision_name(one) == precision) chosen = one;
  }
  ops::require_fast(chosen, "--precision");
  return chosen;
}

}  // namespace espalier::cli
