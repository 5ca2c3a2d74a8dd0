#include "kernels/isa.h"

#include <hwy/targets.h>

namespace espalier::kernels {

std::string active_isa() {
  // Better targets have lower bits.
  const int64_t targets = hwy::SupportedTargets();
  return hwy::TargetName(targets & -targets);
}

}  // namespace espalier::kernels
