// Blocks of the pool that hold zeros.
#pragma once

#include <cstddef>
#include <memory>

namespace espalier {

struct PoolBlock {
  std::shared_ptr<void> memory;
  bool is_zero = false;
};

// As pool_allocate. A large block that comes from the system anew is zero without having been touched: what
// is replaced before it is used, as the weights of a model that is being loaded, costs neither time nor
// memory.
PoolBlock pool_allocate_block(std::size_t bytes);

}  // namespace espalier
