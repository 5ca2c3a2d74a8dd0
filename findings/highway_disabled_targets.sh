#!/usr/bin/env bash
# Highway: a program restricts itself with hwy::DisableTargets() and later asks hwy::SupportedTargets() which targets
# there are. The answer is right, but the question has a side effect: it selects the best target of the machine,
# disabled or not, and from then on every HWY_DYNAMIC_DISPATCH runs that one. (SupportedTargets() updates the chosen
# target before it applies the mask, for its only caller inside, which updates again; so does a first dispatch on
# another thread meanwhile.) Highway 1.0.3 of Debian 12 and 1.2.0 of Debian 13. A run pinned to SSE4 or AVX2 took
# AVX-512 after its first checkpoint.
#   Way out: hwy::SetSupportedTargetsForTest(hwy::SupportedTargets() & mask), under which the question selects nothing.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

command -v g++ >/dev/null || skip "g++ is not installed"
grep -qw avx2 /proc/cpuinfo || skip "this machine has nothing better than SSE4"
cat >program.cc <<'TEXT'
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "program.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace program::HWY_NAMESPACE {
bool better_than_sse4() { return HWY_TARGET < HWY_SSE4; }
}  // namespace program::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <cstdio>
namespace program {
HWY_EXPORT(better_than_sse4);
void tell(const char* when) {
  std::printf("%s: %s\n", when, HWY_DYNAMIC_DISPATCH(better_than_sse4)() ? "better than SSE4" : "SSE4");
}
}  // namespace program
int main() {
  const auto supported = hwy::SupportedTargets();
  hwy::DisableTargets(HWY_SSE4 - 1);
  program::tell("disabled");
  std::printf("asked: %s\n", (hwy::SupportedTargets() & (HWY_SSE4 - 1)) == 0 ? "nothing better than SSE4" : "more");
  program::tell("after asking");
  hwy::DisableTargets(0);
  hwy::SetSupportedTargetsForTest(supported & ~(HWY_SSE4 - 1));
  program::tell("way out");
  hwy::SupportedTargets();
  program::tell("way out, after asking");
}
#endif
TEXT
debian_packages bookworm 1.0.3 libhwy-dev=1.0.3-3+deb12u1 libhwy1=1.0.3-3+deb12u1
debian_packages trixie 1.2.0 libhwy-dev=1.2.0-2+b2 libhwy1t64=1.2.0-2+b2
for version in 1.0.3 1.2.0; do
  libraries=$version/usr/lib/$(g++ -print-multiarch)
  g++ -std=c++17 -I . -I "$version/usr/include" -o "$version/program" program.cc -L "$libraries" -lhwy \
    "-Wl,-rpath,$work/$libraries" 2>"$version/output" && "$version/program" >"$version/output" 2>&1
  for line in 'disabled: SSE4' 'asked: nothing better than SSE4' 'after asking: better than SSE4' 'way out: SSE4' \
    'way out, after asking: SSE4'; do
    expect "Highway $version" "$version/output" "$line"
  done
done
