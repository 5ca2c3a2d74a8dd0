// Runs a check on every instruction set that Highway compiled for and this machine has.
#pragma once

#include <doctest/doctest.h>
#include <hwy/highway.h>

namespace espalier::testing {

template <class Check>
void for_each_target(const Check& check) {
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::GetChosenTarget().Update(target);
    INFO("instruction set " << std::string(hwy::TargetName(target)));
    check(target);
  }
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

// Whether the target has fused multiply-add, which some error bounds rest on.
inline bool has_fused_multiply_add(std::int64_t target) {
  if (target == HWY_EMU128 || target == HWY_SCALAR) return false;
#if HWY_ARCH_X86
  if (target == HWY_SSSE3 || target == HWY_SSE4) return false;
#endif
  return true;
}

}  // namespace espalier::testing
