#include "cli/precision_option.h"

#include <vector>

namespace espalier::cli {
namespace {

constexpr ops::Precision kAll[] = {ops::Precision::kFloat32, ops::Precision::kBf16, ops::Precision::kInt8};

}  // namespace

void add_precision_option(Command& verb, std::string& precision, const std::string& otherwise) {
  std::vector<std::string> names;
  for (const ops::Precision one : kAll) names.push_back(ops::precision_name(one));
  const std::string help =
      "Factors of matrix products: bf16, summed in float32, needs AVX512_BF16 or AMX_BF16; int8 (weights by "
      "row, what they read by token), summed exactly, runs anywhere";
  verb.add_option("--precision", precision, help + " (default: " + otherwise + ")")->check(one_of(names));
}

std::optional<ops::Precision> chosen_precision(const std::string& precision) {
  for (const ops::Precision one : kAll) {
    if (ops::precision_name(one) != precision) continue;
    ops::require_fast(one, "--precision");
    return one;
  }
  return std::nullopt;
}

}  // namespace espalier::cli
