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
  Walk(const SiblingWalk& walk, int first, int stop, std::int32_t* arrival)
      : walk_(walk),
        gates_(walk.tree.gates),
        width_(walk.tree.gates.width),
        output_width_(walk.tree.output_width),
        depth_(walk.tree.gates.depth),
        first_(first),
        stop_(stop),
        arrival_(arrival),
        first_row_(walk.tree.gates.row(walk.k, 0)) {}

  std::int64_t evaluated() const { return evaluated_; }

  // own: the tokens [begin, end) whose path leads here; flips: what came down.
  void visit(std::int32_t node, int level, int begin, int end, const Flip* flips, int count) {
    if (begin == end && count == 0) return;
    if (level == stop_) return arrive(node, flips, count);
    if (count >= 4 && level > first_ && level < depth_ && level + 1 < stop_) {
      return two_levels(node, level, begin, end, flips, count);
    }
    float logits[kMost];
    if (count > 0) evaluate(node, level, flips, count, logits);
    if (level == depth_) return;
    const int turn = first_right(level, begin, end);
    Lists& lists = lists_[level];
    lists.clear();
    for (int i = 0; i < count; ++i) lists.add(gates_.goes_right(logits[i]) ? 1 : 0, flips[i]);
    flip(level, begin, turn, 1, lists);
    flip(level, turn, end, 0, lists);
    visit(2 * node + 1, level + 1, begin, turn, lists.flips[0], lists.count[0]);
    visit(2 * node + 2, level + 1, turn, end, lists.flips[1], lists.count[1]);
  }

 private:
  // Flips that a walk holds at most: a token is at a node once at most.
  static constexpr int kMost = 2 * SiblingWalk::kList;

  // Flips by the node below that they go to. There is room for one more: `add` writes without asking.
  struct Lists {
    Flip flips[4][kMost + 1];
    int count[4];

    void clear() { std::fill_n(count, 4, 0); }
    void add(int to, Flip flip) { flips[to][count[to]++] = flip; }
  };

  // The tokens [begin, end) of the own path, sent to the other child.
  void flip(int level, int begin, int end, int other, Lists& lists) const {
    for (int i = begin; i < end; ++i) {
      if (!walk_.flips[i * depth_ + level]) continue;
      lists.add(other, {static_cast<std::int16_t>(i), static_cast<std::int16_t>(level)});
    }
  }

  // A node and its children: tokens' vectors are read once for both levels. That computes one product too
  // many for each token, and still takes less than reading the vectors again from the second-level cache.
  void two_levels(std::int32_t node, int level, int begin, int end, const Flip* flips, int count) {
    float logits[2][kMost], projections[2][kMost];
    std::int32_t child[kMost];
    int i = 0;
    for (; i + 4 <= count; i += 4) family_of_four(node, level, flips + i, i, logits, projections, child);
    for (; i < count; ++i) family_of_one(node, flips + i, i, logits, projections, child);
    add_values(flips, count, logits[0], projections[0]);
    add_values(flips, count, logits[1], projections[1]);
    evaluated_ += 2 * std::int64_t{count};

    Lists& lists = lists_[level];
    lists.clear();
    for (i = 0; i < count; ++i) {
      lists.add(2 * child[i] + (gates_.goes_right(logits[1][i]) ? 1 : 0), flips[i]);
    }
    const int turn = first_right(level, begin, end);
    const int turns[3] = {begin, turn, end};
    Lists& fresh = lists_[level + 1];
    fresh.clear();
    flip(level, begin, turn, 1, fresh);
    flip(level, turn, end, 0, fresh);
    for (int c = 0; c < 2; ++c) {
      if (fresh.count[c] == 0) continue;
      evaluate(2 * node + 1 + c, level + 1, fresh.flips[c], fresh.count[c], logits[0]);
      for (i = 0; i < fresh.count[c]; ++i) {
        lists.add(2 * c + (gates_.goes_right(logits[0][i]) ? 1 : 0), fresh.flips[c][i]);
      }
    }
    if (level + 1 == depth_) return;
    for (int c = 0; c < 2; ++c) {
      const int middle = first_right(level + 1, turns[c], turns[c + 1]);
      flip(level + 1, turns[c], middle, 2 * c + 1, lists);
      flip(level + 1, middle, turns[c + 1], 2 * c, lists);
      visit(4 * node + 3 + 2 * c, level + 2, turns[c], middle, lists.flips[2 * c], lists.count[2 * c]);
      visit(4 * node + 4 + 2 * c, level + 2, middle, turns[c + 1], lists.flips[2 * c + 1],
            lists.count[2 * c + 1]);
    }
  }

  // Logits and projections of the node and the child on the way, for four flips, the i-th and on.
  void family_of_four(std::int32_t node, int level, const Flip* flips, int i, float (&logits)[2][kMost],
                      float (&projections)[2][kMost], std::int32_t* child) const {
    const Rows own = rows_of(flips, 4);
    const float* const in[3] = {w_in(node), w_in(2 * node + 1), w_in(2 * node + 2)};
    const float* const out[3] = {w_out(node), w_out(2 * node + 1), w_out(2 * node + 2)};
    float products[3][4];
    float outputs[3][4];
    if (i < 8 && level + 2 <= depth_) {  // the grandchildren's rows come next
      const std::int32_t next = 4 * node + 3 + i / 2;
      const float* const next_in[2] = {w_in(next), w_in(next + 1)};
      const float* const next_out[2] = {w_out(next), w_out(next + 1)};
      tile_dots<true>(width_, own.x, in, next_in, products);
      tile_dots<true>(output_width_, own.dy, out, next_out, outputs);
    } else {
      tile_dots<false>(width_, own.x, in, nullptr, products);
      tile_dots<false>(output_width_, own.dy, out, nullptr, outputs);
    }
    for (int j = 0; j < 4; ++j) {
      logits[0][i + j] = products[0][j] + bias(node);
      projections[0][i + j] = outputs[0][j];
      const int right = gates_.goes_right(logits[0][i + j]) ? 1 : 0;
      child[i + j] = right;
      logits[1][i + j] = products[1 + right][j] + bias(2 * node + 1 + right);
      projections[1][i + j] = outputs[1 + right][j];
    }
  }

  void family_of_one(std::int32_t node, const Flip* flip, int i, float (&logits)[2][kMost],
                     float (&projections)[2][kMost], std::int32_t* child) const {
    const Rows own = rows_of(flip, 1);
    for (int l = 0; l < 2; ++l) {
      const float* in = w_in(node);
      const float* out = w_out(node);
      float product;
      dots<1>(width_, own.x[0], &in, &product);
      dots<1>(output_width_, own.dy[0], &out, &projections[l][i]);
      logits[l][i] = product + bias(node);
      if (l == 0) child[i] = gates_.goes_right(logits[0][i]) ? 1 : 0;
      node = 2 * node + 1 + child[i];
    }
  }

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
    float projections[kMost];
    for (int i = 0; i < count; i += 4) {
      const int group = std::min(4, count - i);
      Rows own = rows_of(flips + i, group);
      float products[4];
      if (i + 4 >= count) {  // the children's rows come next
        const std::int32_t left = level < depth_ ? 2 * node + 1 : node;
        const std::int32_t right = level < depth_ ? 2 * node + 2 : node;
        const float* const in[2] = {w_in(left), w_in(right)};
        const float* const out[2] = {w_out(left), w_out(right)};
        dots_of<2>(group, width_, w_in(node), own.x, products, in);
        dots_of<2>(group, output_width_, w_out(node), own.dy, own.products, out);
      } else if (level == first_) {  // the next tokens', met for the first time
        const Rows next = rows_of(flips + i + 4, std::min(4, count - i - 4));
        dots<4, 4>(width_, w_in(node), own.x, products, next.x);
        dots<4, 4>(output_width_, w_out(node), own.dy, own.products, next.dy);
      } else {
        dots<4>(width_, w_in(node), own.x, products);
        dots<4>(output_width_, w_out(node), own.dy, own.products);
      }
      for (int j = 0; j < group; ++j) logits[i + j] = products[j] + bias(node);
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
      rows.x[j] = walk_.x + token * width_;
      rows.dy[j] = walk_.dy + token * output_width_;
    }
    return rows;
  }

  void add_values(const Flip* flips, int count, const float* logits, const float* projections) const {
    using Tag = hn::ScalableTag<float>;
    using Vector = hn::Vec<Tag>;
    float activations[kMost];
    const auto f = [](Vector v) HWY_ATTR { return gelu(Tag(), v); };
    map(Tag(), count, false, activations, f, logits);
    for (int i = 0; i < count; ++i) {
      walk_.value[flips[i].token * depth_ + flips[i].level] +=
          static_cast<double>(activations[i]) * static_cast<double>(projections[i]);
    }
  }

  const float* w_in(std::int32_t node) const { return gates_.weight + (first_row_ + node) * width_; }
  const float* w_out(std::int32_t node) const {
    return walk_.tree.w_out + (first_row_ + node) * output_width_;
  }
  float bias(std::int32_t node) const { return gates_.bias[first_row_ + node]; }

  const SiblingWalk& walk_;
  const TreeGates& gates_;
  std::int64_t width_;
  std::int64_t output_width_;
  int depth_;
  int first_;  // the level at which most tokens are met first
  int stop_;
  std::int32_t* arrival_;
  std::int64_t first_row_;
  std::int64_t evaluated_ = 0;
  Lists lists_[kMaxDepth];  // of what is below the node being visited on each level
};

std::int64_t walk_flips(const SiblingWalk& walk, std::int32_t node, int level, int begin, int end,
                        const Flip* list, int count, int stop, std::int32_t* arrival) {
  Walk state(walk, count > 0 ? level : level + 1, stop, arrival);
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
