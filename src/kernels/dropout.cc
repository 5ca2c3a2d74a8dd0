#include "kernels/dropout.h"

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/grain.h"

namespace espalier::kernels {

void dropout(std::int64_t n, float p, const Philox& random, std::uint64_t first, const float* x,
             bool accumulate, float* y) {
  ESPALIER_CHECK(p >= 0.0F && p < 1.0F && first % 4 == 0);
  const float kept = 1.0F / (1.0F - p);
  parallel_for(n, kElementGrain, [&](std::int64_t begin, std::int64_t end) {
    // One call gives the words of four consecutive indices, as Philox::uniform uses them.
    for (std::int64_t i = begin; i < end; i += 4) {
      const std::array<std::uint32_t, 4> words = random.words((first + static_cast<std::uint64_t>(i)) >> 2);
      const std::int64_t count = std::min<std::int64_t>(4, end - i);
      for (std::int64_t j = 0; j < count; ++j) {
        const float u = static_cast<float>(words[static_cast<std::size_t>(j)] >> 8) * 0x1p-24F;
        const float value = u >= p ? x[i + j] * kept : 0.0F;
        y[i + j] = accumulate ? y[i + j] + value : value;
      }
    }
  });
}

}  // namespace espalier::kernels
