// Sums of the weight rows along tokens' hard paths: the output of a tree of neurons, and with the gradients
// of its logits the gradient of its input.
#pragma once

#include <cstdint>

#include "espalier/tensor/destination.h"
#include "kernels/tree/rows.h"

namespace espalier::kernels {

// Vectors of tokens that are needed next.
struct NextVectors {
  const float* data = nullptr;
  std::int64_t width = 0;
  const std::int32_t* tokens = nullptr;
  std::int64_t count = 0;

  const float* row(std::int64_t i) const { return data + tokens[i] * width; }
  void skip(std::int64_t n) {
    n = n < count ? n : count;
    tokens += n;
    count -= n;
  }
};

struct PathSums {
  int depth;
  RowSource source;    // the tree's rows, in heap order
  std::int64_t width;  // of a row
  Destination out;     // [tokens, width]
  bool stream;         // past the caches; the caller calls `path_sums_done` on the same thread at the end
  NextVectors fetched = {};  // one a token is brought into the second-level cache, where `path_sums_fetch()`

  // out[tokens[i]] (+)= sum over levels of weights[i, level] * the row on the path to leaves[i], root first,
  // i < count; weights [count, depth + 1]. Tokens whose leaves follow each other share loads of rows; the
  // order of sums does not depend on the neighbours.
  void run(std::int64_t count, const std::int32_t* tokens, const std::int32_t* leaves,
           const float* weights) const;
};

// Whether sums bring vectors into the cache meanwhile. With AVX-512 their callers do that at other places.
bool path_sums_fetch();

void path_sums_done();

// Copies rows of `width` to rows that begin `stride` apart; with `stream` past the caches, and done on
// return.
void stream_rows(std::int64_t count, std::int64_t width, RowSource from, float* to, std::int64_t stride,
                 bool stream);

// Whether `stream` is allowed (whole cache lines) and pays: the result does not stay in the caches anyway.
inline bool streaming_pays(const float* out, std::int64_t tokens, std::int64_t width) {
  constexpr std::int64_t kLine = 64;
  constexpr std::int64_t kCacheBytes = std::int64_t{6} << 20;
  const std::int64_t row = width * static_cast<std::int64_t>(sizeof(float));
  return tokens * row >= kCacheBytes && row % kLine == 0 &&
         reinterpret_cast<std::uintptr_t>(out) % kLine == 0;
}

}  // namespace espalier::kernels
