#include "kernels/tree/hard_route.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/hard_route.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/tree/row_dots-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

// Tokens' rows to bring into the second-level cache, two with each tile, so that main memory works while
// tiles are computed and not only when a token is first met.
class TokenPrefetch {
 public:
  static constexpr int kRows = 2;

  TokenPrefetch(const float* x, std::int64_t width, const std::int32_t* tokens, std::int64_t count)
      : x_(x), width_(width), tokens_(tokens), left_(count) {}

  bool next(const float* (&rows)[kRows]) {
    if (left_ == 0) return false;
    for (int r = 0; r < kRows; ++r) {
      rows[r] = x_ + *tokens_ * width_;
      if (left_ > 1) {
        ++tokens_;
        --left_;
      } else if (r == kRows - 1) {
        left_ = 0;
      }
    }
    return true;
  }

 private:
  const float* x_;
  std::int64_t width_;
  const std::int32_t* tokens_;
  std::int64_t left_;
};

class Descent {
 public:
  explicit Descent(const HardRoute& route)
      : gates_(route.gates),
        route_(route),
        width_(route.gates.width),
        path_stride_(std::int64_t{route.gates.trees} * route.gates.levels()),
        logits_(route.logits + std::int64_t{route.tree} * route.gates.levels()),
        arrival_(route.arrival + route.tree),
        next_tokens_(route.x, width_, route.next_tokens, route.next_count) {}

  void run(std::int32_t node, int level, std::int32_t* tokens, std::int64_t count, std::int32_t* spare) {
    if (count == 0) return;
    if (level == route_.end) return arrive(node, level, tokens, count);
    if (count < 4 || level + 1 == route_.end) {
      const std::int64_t left = one_level(node, level, tokens, count, spare);
      run(2 * node + 1, level + 1, tokens, left, spare);
      return run(2 * node + 2, level + 1, tokens + left, count - left, spare);
    }
    std::int64_t ends[5] = {};
    two_levels(node, level, tokens, count, spare, ends);
    for (int child = 0; child < 4; ++child) {
      run(4 * node + 3 + child, level + 2, tokens + ends[child], ends[child + 1] - ends[child], spare);
    }
  }

 private:
  // Logits of the node for all tokens; those that go left come first in `tokens`. Returns their number.
  std::int64_t one_level(std::int32_t node, int level, std::int32_t* tokens, std::int64_t count,
                         std::int32_t* spare) const {
    const float* weight = row(node);
    const float bias = bias_of(node);
    const std::int32_t left_child = level + 1 < route_.end ? 2 * node + 1 : 0;
    std::int64_t left = 0;
    std::int64_t right = 0;
    for (std::int64_t i = 0; i < count; i += 4) {
      const int group = static_cast<int>(std::min<std::int64_t>(4, count - i));
      const float* own[4] = {};
      float products[4];
      std::int32_t token[4];
      for (int j = 0; j < group; ++j) token[j] = tokens[i + j];
      for (int j = 0; j < group; ++j) own[j] = route_.x + token[j] * width_;
      if (i == 0 && route_.prefetched.data != nullptr) {
        const float* fetched[3] = {route_.prefetched.data + node * route_.prefetched.stride, row(left_child),
                                   row(left_child + 1)};
        dots_of<3>(group, width_, weight, own, products, fetched);
      } else {
        dots_of(group, width_, weight, own, products);
      }
      for (int j = 0; j < group; ++j) {
        const float logit = products[j] + bias;
        logits_[token[j] * path_stride_ + level] = logit;
        const bool turns = gates_.goes_right(logit);
        tokens[left] = token[j];
        spare[right] = token[j];
        left += turns ? 0 : 1;
        right += turns ? 1 : 0;
      }
    }
    std::copy_n(spare, right, tokens + left);
    return left;
  }

  // Logits of the node and of the child on each token's way; `tokens` are sorted by grandchild, whose
  // tokens end at ends[grandchild + 1].
  void two_levels(std::int32_t node, int level, std::int32_t* tokens, std::int64_t count, std::int32_t* spare,
                  std::int64_t (&ends)[5]) {
    const float* rows[3] = {row(node), row(2 * node + 1), row(2 * node + 2)};
    const float biases[3] = {bias_of(node), bias_of(2 * node + 1), bias_of(2 * node + 2)};
    std::int32_t* child = spare + count;
    std::int64_t counts[4] = {};
    const auto take = [&](std::int64_t i, float at_node, float at_left, float at_right) {
      const float first = at_node + biases[0];
      const bool right = gates_.goes_right(first);
      const float second = right ? at_right + biases[2] : at_left + biases[1];
      float* to = logits_ + tokens[i] * path_stride_ + level;
      to[0] = first;
      to[1] = second;
      child[i] = (right ? 2 : 0) + (gates_.goes_right(second) ? 1 : 0);
      ++counts[child[i]];
    };
    std::int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
      const float* own[4];
      const float* fetched[TokenPrefetch::kRows];
      float products[3][4];
      for (int j = 0; j < 4; ++j) own[j] = route_.x + tokens[i + j] * width_;
      if (rows_to_prefetch(node, level, i, fetched) || next_tokens_.next(fetched)) {
        tile_dots<3, 2>(width_, own, rows, fetched, products);
      } else {
        tile_dots<3, 0>(width_, own, rows, fetched, products);
      }
      for (int j = 0; j < 4; ++j) take(i + j, products[0][j], products[1][j], products[2][j]);
    }
    for (; i < count; ++i) {
      float products[3];
      dots<3>(width_, route_.x + tokens[i] * width_, rows, products);
      take(i, products[0], products[1], products[2]);
    }
    for (int c = 0; c < 4; ++c) ends[c + 1] = ends[c] + counts[c];
    std::int64_t next[4] = {ends[0], ends[1], ends[2], ends[3]};
    for (i = 0; i < count; ++i) spare[next[child[i]]++] = tokens[i];
    std::copy_n(spare, count, tokens);
  }

  // What the i-th of a list's tokens fetches where rows serve few: the grandchildren's rows, then those
  // of the node and its children in the other matrix.
  bool rows_to_prefetch(std::int32_t node, int level, std::int64_t i, const float* (&rows)[2]) const {
    if (route_.prefetched.data == nullptr || i >= 16) return false;
    const auto step = static_cast<std::int32_t>(i / 4);
    if (step < 2) {
      if (level + 2 >= route_.end) return false;
      rows[0] = row(4 * node + 3 + 2 * step);
      rows[1] = row(4 * node + 4 + 2 * step);
      return true;
    }
    const RowSource& other = route_.prefetched;
    rows[0] = other.data + (step == 2 ? node : 2 * node + 1) * other.stride;
    rows[1] = other.data + (2 * node + 2) * other.stride;
    return true;
  }

  void arrive(std::int32_t node, int level, const std::int32_t* tokens, std::int64_t count) const {
    const std::int32_t first = (std::int32_t{1} << level) - 1;
    const bool below = level > gates_.depth;  // past the last level, whose node is the leaf
    const std::int32_t place = below ? (node - first) / 2 : node - first;
    for (std::int64_t i = 0; i < count; ++i) arrival_[tokens[i] * std::int64_t{gates_.trees}] = place;
  }

  const float* row(std::int32_t node) const { return gates_.weight + gates_.row(route_.tree, node) * width_; }
  float bias_of(std::int32_t node) const { return gates_.bias[gates_.row(route_.tree, node)]; }

  const TreeGates& gates_;
  const HardRoute& route_;
  std::int64_t width_;
  std::int64_t path_stride_;
  float* logits_;
  std::int32_t* arrival_;
  TokenPrefetch next_tokens_;
};

void walk(const HardRoute& route, std::int32_t node, int level, std::int32_t* tokens, std::int64_t count,
          std::int32_t* spare) {
  Descent(route).run(node, level, tokens, count, spare);
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace espalier::kernels {
namespace {

HWY_EXPORT(walk);

}  // namespace

void HardRoute::run(std::int32_t node, int level, std::int32_t* tokens, std::int64_t count,
                    std::int32_t* spare) const {
  HWY_DYNAMIC_DISPATCH(walk)(*this, node, level, tokens, count, spare);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
