#include "kernels/isa.h"

#include <fmt/format.h>
#include <hwy/targets.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "espalier/base/error.h"
#include "kernels/matmul_isa.h"

namespace espalier::kernels {
namespace {

constexpr const char* kVariable = "ESPALIER_ISA";

struct Level {
  std::string_view name;
  std::int64_t target;
  ProductIsa products;
};
constexpr std::array<Level, 3> kLevels{{{"sse4", HWY_SSE4, ProductIsa::kSse41},
                                        {"avx2", HWY_AVX2, ProductIsa::kAvx2},
                                        {"avx512", HWY_AVX3, ProductIsa::kAvx512}}};

// Better targets have lower bits.
std::int64_t best_target() {
  const std::int64_t targets = hwy::SupportedTargets();
  return targets & -targets;
}

// Applies the variable; returns what is wrong with it, or nothing.
std::string pin() {
  const char* const value = std::getenv(kVariable);
  std::string wanted = value == nullptr ? "" : value;
  if (wanted.empty()) return "";
  std::transform(wanted.begin(), wanted.end(), wanted.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto* const level =
      std::find_if(kLevels.begin(), kLevels.end(), [&](const Level& known) { return known.name == wanted; });
  if (level == kLevels.end()) {
    return fmt::format("{} is `{}`, which names no instruction set; use sse4, avx2 or avx512, or unset it",
                       kVariable, wanted);
  }
  if ((hwy::SupportedTargets() & level->target) == 0) {
    return fmt::format(
        "{} is {}, but the best instruction set of this machine is {}; use a lesser one, or "
        "unset it",
        kVariable, wanted, hwy::TargetName(best_target()));
  }
  // Not DisableTargets(): SupportedTargets(), which every first dispatch and active_isa() call, selects the
  // best target of the machine all the same, and leaves it so where its caller does not select again.
  hwy::SetSupportedTargetsForTest(hwy::SupportedTargets() & ~(level->target - 1));
  limit_products(level->products);
  return "";
}

// Before main(), since oneDNN takes a limit only before its first product.
const std::string problem = pin();

}  // namespace

std::string active_isa() {
  return hwy::TargetName(best_target());
}

std::vector<std::string> compiled_isas() {
  std::vector<std::string> names;
  for (std::int64_t target = std::int64_t{1} << 62; target != 0; target >>= 1) {
    if ((HWY_TARGETS & target) != 0) names.emplace_back(hwy::TargetName(target));
  }
  return names;
}

std::string kernel_isa() {
  const std::int64_t usable = hwy::SupportedTargets() & HWY_TARGETS;
  return hwy::TargetName(usable & -usable);
}

bool has_vnni() {
#if HWY_ARCH_X86
  static const bool result = [] {
    const char* const pinned = std::getenv(kVariable);
    return (pinned == nullptr || *pinned == 0) && (hwy::SupportedTargets() & HWY_AVX3) != 0 &&
           __builtin_cpu_supports("avx512vnni") != 0;
  }();
  return result;
#else
  return false;
#endif
}

bool has_amx() {
#if HWY_ARCH_X86 && defined(__linux__)
  static const bool result = [] {
    constexpr long kRequestPermission = 0x1023, kTileData = 18;  // arch_prctl(2)
    return products_take_amx() && ::syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  }();
  return result;
#else
  return false;
#endif
}

std::string bfloat16_obstacle() {
  if (products_take_bfloat16()) return "";
  if (!products_know_bfloat16()) {
    return "this build's oneDNN does not have dnnl_gemm_bf16bf16f32, which AVX512_BF16 and AMX_BF16 would "
           "run";
  }
  const char* const pinned = std::getenv(kVariable);
  if (pinned != nullptr && *pinned != '\0') {
    return fmt::format("{} is {}, which leaves out AVX512_BF16 and AMX_BF16", kVariable, pinned);
  }
  return fmt::format("this machine has neither AVX512_BF16 nor AMX_BF16 (its best is {})", active_isa());
}

std::string bfloat16_instructions() {
  if (!bfloat16_obstacle().empty()) return "none";
  return has_amx() ? "AMX_BF16" : "AVX512_BF16";
}

void require_valid_isa() {
  if (!problem.empty()) throw InputError(problem);
}

}  // namespace espalier::kernels
