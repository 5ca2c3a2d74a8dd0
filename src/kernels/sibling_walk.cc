#include "kernels/sibling_walk.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sibling_walk.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/gelu-inl.h"
#include "kernels/row_dots-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

class Walk {
 public:
  Walk(const SiblingWalk& walk, int start, int stop, std::int32_t* arrival)
      : walk_(walk),
        tree_(walk.tree),
        depth_(walk.tree.gates.depth),
        start_(start),
        stop_(stop),
        arrival_(arrival),
        first_row_(walk.tree.gates.row(walk.k, 0)) {}

  std::int64_t evaluated() const { return evaluated_; }

  // own: the tokens [begin, end) whose path leads here; flips: what came down.
  void visit(std::int32_t node, int level, int begin, int end, const Flip* flips, int count) {
    if (begin == end && count == 0) return;
    if (level == stop_) return arrive(node, flips, count);
    float logits[SiblingWalk::kList];
    if (count > 0) evaluate(node, level, flips, count, logits);
    if (level == depth_) return;
    const int turn = first_right(level, begin, end);
    Flip* left = lists_[level][0];
    Flip* right = lists_[level][1];
    int lefts = 0;
    int rights = 0;
    for (int i = 0; i < count; ++i) {
      left[lefts] = flips[i];
      right[rights] = flips[i];
      const bool turns = tree_.gates.goes_right(logits[i]);
      lefts += turns ? 0 : 1;
      rights += turns ? 1 : 0;
    }
    for (int i = begin; i < end; ++i) {
      if (!walk_.flips[i * depth_ + level]) continue;
      const Flip flip{static_cast<std::int16_t>(i), static_cast<std::int16_t>(level)};
      if (i < turn) right[rights++] = flip;
      if (i >= turn) left[lefts++] = flip;
    }
    visit(2 * node + 1, level + 1, begin, turn, left, lefts);
    visit(2 * node + 2, level + 1, turn, end, right, rights);
  }

 private:
  void arrive(std::int32_t node, const Flip* flips, int count) const {
    const std::int32_t place = node + 1 - (std::int32_t{1} << stop_);
    for (int i = 0; i < count; ++i) arrival_[flips[i].token * stop_ + flips[i].level] = place;
  }

  // The first of the tokens [begin, end) that turns right below `level`; they are sorted by leaf.
  int first_right(int level, int begin, int end) const {
    while (begin < end && !path_turns_right(level, walk_.leaves[begin], depth_)) ++begin;
    return begin;
  }

  // Logits of the pairs, and what the node adds to their paths' values.
  void evaluate(std::int32_t node, int level, const Flip* flips, int count, float* logits) {
    const std::int64_t width = tree_.gates.width;
    const std::int64_t output_width = tree_.output_width;
    const float* w_in = tree_.gates.weight + (first_row_ + node) * width;
    const float* w_out = tree_.w_out + (first_row_ + node) * output_width;
    const float bias = tree_.gates.bias[first_row_ + node];
    float projections[SiblingWalk::kList];
    for (int i = 0; i < count; i += 4) {
      const int group = std::min(4, count - i);
      Rows own = rows_of(flips + i, group);
      float products[4];
      if (i + 4 >= count) {  // the children's rows come next
        const std::int64_t left = level < depth_ ? node + 1 : 0;
        const std::int64_t right = level < depth_ ? node + 2 : 0;
        const float* in[2] = {w_in + left * width, w_in + right * width};
        const float* out[2] = {w_out + left * output_width, w_out + right * output_width};
        dots_of<2>(group, width, w_in, own.x, products, in);
        dots_of<2>(group, output_width, w_out, own.dy, own.products, out);
      } else if (level == start_) {  // the next tokens', met for the first time
        const Rows next = rows_of(flips + i + 4, std::min(4, count - i - 4));
        dots<4, 4>(width, w_in, own.x, products, next.x);
        dots<4, 4>(output_width, w_out, own.dy, own.products, next.dy);
      } else {
        dots<4>(width, w_in, own.x, products);
        dots<4>(output_width, w_out, own.dy, own.products);
      }
      for (int j = 0; j < group; ++j) logits[i + j] = products[j] + bias;
      std::copy_n(own.products, group, projections + i);
    }
    add_values(flips, count, logits, projections);
    evaluated_ += count;
  }

  // The vectors of up to four tokens; places without a token repeat the last one.
  struct Rows {
    const float* x[4];
    const float* dy[4];
    float products[4];
  };
  Rows rows_of(const Flip* flips, int count) const {
    Rows rows;
    for (int j = 0; j < 4; ++j) {
      const std::int64_t token = walk_.tokens[flips[std::min(j, count - 1)].token];
      rows.x[j] = walk_.x + token * tree_.gates.width;
      rows.dy[j] = walk_.dy + token * tree_.output_width;
    }
    return rows;
  }

  void add_values(const Flip* flips, int count, const float* logits, const float* projections) const {
    using Tag = hn::ScalableTag<float>;
    using Vector = hn::Vec<Tag>;
    float activations[SiblingWalk::kList];
    const auto f = [](Vector v) HWY_ATTR { return gelu(Tag(), v); };
    map(Tag(), count, false, activations, f, logits);
    for (int i = 0; i < count; ++i) {
      walk_.value[flips[i].token * depth_ + flips[i].level] +=
          static_cast<double>(activations[i]) * static_cast<double>(projections[i]);
    }
  }

  const SiblingWalk& walk_;
  const NeuronTree& tree_;
  int depth_;
  int start_;
  int stop_;
  std::int32_t* arrival_;
  std::int64_t first_row_;
  std::int64_t evaluated_ = 0;
  // Of the children of the node being visited on each level: a token is at a node once at most.
  Flip lists_[kMaxDepth][2][SiblingWalk::kList + 1];
};

std::int64_t walk_flips(const SiblingWalk& walk, std::int32_t node, int level, int begin, int end,
                        const Flip* list, int count, int stop, std::int32_t* arrival) {
  Walk state(walk, level, stop, arrival);
  state.visit(node, level, begin, end, list, count);
  return state.evaluated();
}

}  // namespace
}  // namespace espalier::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace espalier::kernels {
namespace {

HWY_EXPORT(walk_flips);

}  // namespace

std::int64_t SiblingWalk::run(std::int32_t node, int level, int begin, int end, const Flip* list, int count,
                              int stop, std::int32_t* arrival) const {
  return HWY_DYNAMIC_DISPATCH(walk_flips)(*this, node, level, begin, end, list, count, stop, arrival);
}

}  // namespace espalier::kernels

#endif  // HWY_ONCE
