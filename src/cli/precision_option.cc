#include "cli/precision_option.h"

#include <vector>

namespace espalier::cli {
namespace {

constexpr ops::Precision kAll[] = {ops::Precision::kFloat32, ops::Precision::kBf16};

}  // namespace

Option* add_precision_option(Command& verb, std::string& precision) {
  std::vector<std::string> names;
  for (const ops::Precision one : kAll) names.push_back(ops::precision_name(one));
  return verb
      .add_option(
          "--precision", precision,
          "Factors of matrix products, which are summed in float32; bf16 needs AVX512_BF16 or AMX_BF16")
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
