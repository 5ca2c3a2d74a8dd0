#include "kernels/tree/straight_through_walk.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/tree/straight_through_walk.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/gelu-inl.h"
#include "kernels/tree/row_dots-inl.h"

HWY_BEFORE_NAMESPACE();
namespace espalier::kernels::HWY_NAMESPACE {
namespace {

class BranchDescent {
 public:
  BranchDescent(const SiblingWalk& walk, int first, int stop, std::int32_t* arrival)
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
    float logits[kMaxFlips];
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
  static constexpr int kMaxFlips = 2 * SiblingWalk::kList;

  // Flips by the node below that they go to. There is room for one more: `add` writes without asking.
  struct Lists {
    Flip flips[4][kMaxFlips + 1];
    int count[4];

    void clear() { std::fill_n(count, 4, 0); }
    void add(int to, Flip flip) { flips[to][count[to]++] = flip; }
  };

  // What flips meet at a node and at the child that they go on to (1: the right one).
  struct TwoLevels {
    float logits[2][kMaxFlips], projections[2][kMaxFlips];
    std::int32_t child[kMaxFlips];
  };

  // The tokens [begin, end) of the own path, sent to the other child.
  void flip(int level, int begin, int end, int other, Lists& lists) const {
    for (int i = begin; i < end; ++i) {
      if (!walk_.flips[i * depth_ + level]) continue;
      lists.add(other, {static_cast<std::int16_t>(i), static_cast<std::int16_t>(level)});
    }
  }

  // A node and its children: tokens' vectors are read once for both levels. That computes one logit too many
  // for each token, and still takes less than reading the vectors again from the second-level cache. First
  // all logits, then all projections: three rows of either stay in the first-level cache meanwhile, six
  // would not fit besides the tokens' vectors.
  void two_levels(std::int32_t node, int level, int begin, int end, const Flip* flips, int count) {
    TwoLevels found;
    both_levels_logits(node, level, flips, count, found);
    both_levels_projections(node, level, flips, count, found);
    for (int l = 0; l < 2; ++l) add_values(flips, count, found.logits[l], found.projections[l]);
    evaluated_ += 2 * std::int64_t{count};

    Lists& lists = lists_[level];
    lists.clear();
    for (int i = 0; i < count; ++i) {
      lists.add(2 * found.child[i] + (gates_.goes_right(found.logits[1][i]) ? 1 : 0), flips[i]);
    }
    const int turn = first_right(level, begin, end);
    const int turns[3] = {begin, turn, end};
    Lists& fresh = lists_[level + 1];
    fresh.clear();
    flip(level, begin, turn, 1, fresh);
    flip(level, turn, end, 0, fresh);
    for (int c = 0; c < 2; ++c) {
      if (fresh.count[c] == 0) continue;
      float* const logits = found.logits[0];
      evaluate(2 * node + 1 + c, level + 1, fresh.flips[c], fresh.count[c], logits);
      for (int i = 0; i < fresh.count[c]; ++i) {
        lists.add(2 * c + (gates_.goes_right(logits[i]) ? 1 : 0), fresh.flips[c][i]);
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

  void both_levels_logits(std::int32_t node, int level, const Flip* flips, int count,
                          TwoLevels& found) const {
    const float* const rows[3] = {w_in(node), w_in(2 * node + 1), w_in(2 * node + 2)};
    int i = 0;
    for (; i + 4 <= count; i += 4) {
      const float* own[4];
      four_vectors(walk_.x, width_, flips + i, 4, own);
      float products[3][4];
      if (i < 8 && level + 2 <= depth_) {
        const std::int32_t next = 4 * node + 3 + i / 2;
        const float* const to_fetch[2] = {w_in(next), w_in(next + 1)};
        tile_dots<3, 2>(width_, own, rows, to_fetch, products);
      } else {
        tile_dots<3, 0>(width_, own, rows, nullptr, products);
      }
      for (int j = 0; j < 4; ++j) {
        const int right = take_first(node, products[0][j], i + j, found);
        found.logits[1][i + j] = products[1 + right][j] + bias(2 * node + 1 + right);
      }
    }
    for (; i < count; ++i) {
      const float* const x = vector_of(walk_.x, width_, flips[i]);
      float product;
      dots<1>(width_, x, rows, &product);
      const int right = take_first(node, product, i, found);
      dots<1>(width_, x, rows + 1 + right, &product);
      found.logits[1][i] = product + bias(2 * node + 1 + right);
    }
  }

  // Keeps a node's logit; whether it leads to the right.
  int take_first(std::int32_t node, float product, int i, TwoLevels& found) const {
    found.logits[0][i] = product + bias(node);
    return found.child[i] = gates_.goes_right(found.logits[0][i]) ? 1 : 0;
  }

  // By fours that go the same way.
  void both_levels_projections(std::int32_t node, int level, const Flip* flips, int count,
                               TwoLevels& found) const {
    const float* const rows[2][2] = {{w_out(node), w_out(2 * node + 1)}, {w_out(node), w_out(2 * node + 2)}};
    int waiting[2][4];
    int waits[2] = {0, 0};
    int tiles = 0;
    for (int i = 0; i < count; ++i) {
      const int c = found.child[i];
      waiting[c][waits[c]++] = i;
      if (waits[c] < 4) continue;
      waits[c] = 0;
      const float* own[4];
      for (int j = 0; j < 4; ++j) own[j] = vector_of(walk_.dy, output_width_, flips[waiting[c][j]]);
      float products[2][4];
      if (tiles < 2 && level + 2 <= depth_) {
        const std::int32_t next = 4 * node + 3 + 2 * tiles;
        const float* const to_fetch[2] = {w_out(next), w_out(next + 1)};
        tile_dots<2, 2>(output_width_, own, rows[c], to_fetch, products);
      } else {
        tile_dots<2, 0>(output_width_, own, rows[c], nullptr, products);
      }
      ++tiles;
      for (int j = 0; j < 4; ++j) {
        for (int l = 0; l < 2; ++l) found.projections[l][waiting[c][j]] = products[l][j];
      }
    }
    for (int c = 0; c < 2; ++c) {
      for (int j = 0; j < waits[c]; ++j) {
        const int i = waiting[c][j];
        float products[2];
        dots<2>(output_width_, vector_of(walk_.dy, output_width_, flips[i]), rows[c], products);
        for (int l = 0; l < 2; ++l) found.projections[l][i] = products[l];
      }
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

  // Logits of the flips, and what the node adds to their paths' values. First all logits, as above.
  void evaluate(std::int32_t node, int level, const Flip* flips, int count, float* logits) {
    float projections[kMaxFlips];
    products_with(walk_.x, w_in(0), width_, node, level, flips, count, logits);
    products_with(walk_.dy, w_out(0), output_width_, node, level, flips, count, projections);
    for (int i = 0; i < count; ++i) logits[i] += bias(node);
    add_values(flips, count, logits, projections);
    evaluated_ += count;
  }

  // Of the flips' vectors with one node's row.
  void products_with(const float* vectors, const float* weight, std::int64_t width, std::int32_t node,
                     int level, const Flip* flips, int count, float* products) const {
    const auto row = [&](std::int32_t n) { return weight + n * width; };
    for (int i = 0; i < count; i += 4) {
      const int group = std::min(4, count - i);
      const float *own[4], *next[4];
      four_vectors(vectors, width, flips + i, group, own);
      float four[4];
      if (i + 4 >= count) {  // the children's rows come next
        next[0] = row(level < depth_ ? 2 * node + 1 : node);
        next[1] = row(level < depth_ ? 2 * node + 2 : node);
        dots_of<2>(group, width, row(node), own, four, next);
      } else if (level == first_) {  // the next tokens', met for the first time
        four_vectors(vectors, width, flips + i + 4, std::min(4, count - i - 4), next);
        dots<4, 4>(width, row(node), own, four, next);
      } else {
        dots<4>(width, row(node), own, four);
      }
      std::copy_n(four, group, products + i);
    }
  }

  // The vectors of up to four flips; places without a flip repeat the last one.
  void four_vectors(const float* vectors, std::int64_t width, const Flip* flips, int count,
                    const float* (&out)[4]) const {
    for (int j = 0; j < 4; ++j) out[j] = vector_of(vectors, width, flips[std::min(j, count - 1)]);
  }

  const float* vector_of(const float* vectors, std::int64_t width, Flip flip) const {
    return vectors + walk_.tokens[flip.token] * width;
  }

  void add_values(const Flip* flips, int count, const float* logits, const float* projections) const {
    using Tag = hn::ScalableTag<float>;
    using Vector = hn::Vec<Tag>;
    float activations[kMaxFlips];
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
  Lists lists_[kMaxLevels];  // of what is below the node being visited on each level
};

std::int64_t walk_flips(const SiblingWalk& walk, std::int32_t node, int level, int begin, int end,
                        const Flip* list, int count, int stop, std::int32_t* arrival) {
  BranchDescent descent(walk, count > 0 ? level : level + 1, stop, arrival);
  descent.visit(node, level, begin, end, list, count);
  return descent.evaluated();
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
