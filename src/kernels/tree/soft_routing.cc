#include "kernels/tree/soft_routing.h"

#include "espalier/base/philox.h"

namespace espalier::kernels {

float SoftRouting::entropy_weight(const TreeGates& gates, float rho) const {
  return entropy_of_all_nodes ? 1.0F / static_cast<float>(gates.inner())
                              : rho / static_cast<float>(gates.depth);
}

bool is_leaked(const TreeGates& gates, const SoftRouting& routing, std::int64_t token, int tree,
               std::int32_t node) {
  const Philox random(routing.leak_seed, RandomStream::kRegionLeak, routing.leak_step);
  const std::int64_t index = (token * gates.trees + tree) * gates.rows() + node;
  return random.uniform(static_cast<std::uint64_t>(index)) < routing.region_leak;
}

}  // namespace espalier::kernels
