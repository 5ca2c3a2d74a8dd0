// What a threading backend provides to parallel.cc: one implementation is linked, oneTBB or std::thread.
#pragma once

#include <cstdint>

#include "espalier/base/parallel.h"

namespace espalier::detail {

// Runs task(i) for i in [0, count) on up to `threads` threads; returns when all are done; rethrows an
// exception.
void run_tasks(std::int64_t count, int threads, FunctionRef<void(std::int64_t)> task);

}  // namespace espalier::detail
