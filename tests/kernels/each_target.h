// Runs a check on every instruction set that Highway compiled for and this machine has.
#pragma once

#include <doctest/doctest.h>
#include <hwy/highway.h>

#include <cstdint>
#include <string>

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
#if HWY_ARCH_X86
  // Better targets have smaller numbers. Which lesser ones there are depends on Highway's version.
  return target <= HWY_AVX2;
#else
  return target != HWY_EMU128 && target != HWY_SCALAR;
#endif
}

}  // namespace espalier::testing
