#include "espalier/ops/tree_statistics.h"

#include <doctest/doctest.h>

namespace espalier::ops {
namespace {

TreeStatistics two_trees() {
  TreeStatistics s;
  s.depth = 2;
  s.trees = 2;
  s.tokens = 8;
  s.entropy = {4.0, 8.0};
  s.undecided = {4, 16};
  s.leaf_tokens = {8, 0, 0, 0, 2, 2, 2, 2};
  s.surviving_nodes = 100;
  s.dropped_mass = 0.5;
  return s;
}

}  // namespace

TEST_CASE("means and shares over tokens and trees") {
  const TreeStatistics s = two_trees();
  CHECK(s.mean_entropy(0) == doctest::Approx(0.25));
  CHECK(s.mean_entropy(1) == doctest::Approx(0.5));
  CHECK(s.undecided_share(0) == doctest::Approx(0.25));
  CHECK(s.undecided_share(1) == doctest::Approx(1.0));
  CHECK(s.leaves_used() == doctest::Approx(5.0 / 8));
  CHECK(s.leaf_perplexity(0) == doctest::Approx(1.0));
  CHECK(s.leaf_perplexity(1) == doctest::Approx(4.0));
  CHECK(s.mean_leaf_perplexity() == doctest::Approx(2.5));
  CHECK(s.largest_leaf_share() == doctest::Approx(1.0));
}

TEST_CASE("passes add up; an empty record takes the shape of the first") {
  TreeStatistics sum;
  sum.add(TreeStatistics());
  CHECK(sum.trees == 0);
  sum.add(two_trees());
  sum.add(two_trees());
  sum.add(TreeStatistics());
  CHECK(sum.tokens == 16);
  CHECK(sum.entropy == PoolVector<double>{8.0, 16.0});
  CHECK(sum.undecided == PoolVector<std::int64_t>{8, 32});
  CHECK(sum.leaf_tokens == PoolVector<std::int64_t>{16, 0, 0, 0, 4, 4, 4, 4});
  CHECK(sum.surviving_nodes == 200);
  CHECK(sum.dropped_mass == 1.0);
  CHECK(sum.mean_entropy(0) == two_trees().mean_entropy(0));
}

TEST_CASE("without tokens every figure is zero, not NaN") {
  TreeStatistics s = two_trees();
  s.tokens = 0;
  s.entropy = {0, 0};
  s.undecided = {0, 0};
  s.leaf_tokens.assign(8, 0);
  CHECK(s.mean_entropy(0) == 0);
  CHECK(s.undecided_share(1) == 0);
  CHECK(s.leaves_used() == 0);
  CHECK(s.leaf_perplexity(0) == 0);
  CHECK(s.largest_leaf_share() == 0);
  CHECK(TreeStatistics().mean_leaf_perplexity() == 0);
}

}  // namespace espalier::ops
