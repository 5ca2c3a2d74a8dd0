// The memory of this process that lies in RAM, as the system counts it.
#pragma once

#include <cstdint>

namespace espalier {

// Bytes at the moment.
std::int64_t resident_bytes();
// The most bytes that there have been.
std::int64_t peak_resident_bytes();

}  // namespace espalier
