// The check of `bench fff` must find every kind of wrong result, and a wrong result must get no ratio.
#include "espalier/bench/fff.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "bench/fff_measure.h"
#include "bench/timing.h"
#include "bench/tree_check.h"
#include "espalier/base/error.h"

namespace espalier::bench {
namespace {

using ops::RoutingMode;

TreeCase small_case(RoutingMode mode, std::int64_t leaf_width = 0, std::int64_t survivors = 0) {
  TreeCase size;
  size.tokens = 70;
  size.width = 37;
  size.trees = 2;
  size.depth = 4;
  size.leaf_width = leaf_width;
  size.survivors = survivors;
  size.mode = mode;
  size.backward = true;
  return size;
}

std::vector<TreeCase> all_cases() {
  std::vector<TreeCase> cases;
  for (const std::int64_t leaf_width : {std::int64_t{0}, std::int64_t{3}}) {
    for (const RoutingMode mode : {RoutingMode::kHard, RoutingMode::kStraightThrough, RoutingMode::kSoft}) {
      cases.push_back(small_case(mode, leaf_width));
    }
    cases.push_back(small_case(RoutingMode::kSoft, leaf_width, 2));
  }
  return cases;
}

// What the check says of a layer whose results `tamper` changed.
template <class Tamper>
TreeCheck check(const TreeCase& size, const Tamper& tamper) {
  const TreeProblem problem(size);
  TreeLayer layer(problem);
  run_for_check(problem, layer);
  tamper(layer.results());
  return check_tree(problem, layer.results());
}

// Changes the last element by a thousandth of the largest, or of 1.
void spoil(Tensor& tensor) {
  float largest = 0;
  for (const float value : tensor.span()) largest = std::max(largest, std::abs(value));
  tensor.data()[tensor.size() - 1] += 1e-3F * std::max(largest, 1.0F);
}

TEST_CASE("every kind of layer agrees with its plain twin") {
  for (const TreeCase& size : all_cases()) {
    const TreeCheck found = check(size, [](TreeResults&) {});
    INFO(routing_name(size.mode), " leaf width ", size.leaf_width, " survivors ", size.survivors);
    CHECK(found.failure == "");
    CHECK(found.max_error < kTolerance);
    CHECK(found.max_error > 0);
    CHECK(found.leaves_hit > 0.9);
  }
}

TEST_CASE(
    "a layer in int8 agrees with its plain twin, whose numbers int8 has exactly, and a wrong output is "
    "found") {
  TreeCase size = small_case(RoutingMode::kHard);
  size.backward = false;
  size.precision = ops::Precision::kInt8;
  const TreeCheck found = check(size, [](TreeResults&) {});
  CHECK(found.failure == "");
  CHECK(found.max_error < kTolerance);
  CHECK(found.max_error > 0);
  CHECK(check(size, [](TreeResults& results) { spoil(results.y); }).failure.find("y differs") == 0);
}

TEST_CASE("the check finds a wrong element in every tensor") {
  for (const TreeCase& size : all_cases()) {
    const TreeResults shapes = [&] {
      const TreeProblem problem(size);
      return TreeLayer(problem).results();
    }();
    const std::vector<std::pair<Tensor TreeTensors::*, bool>> gradients = {
        {&TreeTensors::unit_in, true},
        {&TreeTensors::unit_bias, true},
        {&TreeTensors::unit_out, true},
        {&TreeTensors::gate_weight, size.has_leaves()},
        {&TreeTensors::gate_bias, size.has_leaves()},
        {&TreeTensors::leaf_bias, size.has_leaves()}};
    CHECK(check(size, [](TreeResults& r) { spoil(r.y); }).failure.starts_with("y differs"));
    CHECK(check(size, [](TreeResults& r) { spoil(r.dx); }).failure.starts_with("dx differs"));
    for (const auto& [member, present] : gradients) {
      CHECK(present == (shapes.gradients.*member).defined());
      if (!present) continue;
      const TreeCheck found = check(size, [&, which = member](TreeResults& r) { spoil(r.gradients.*which); });
      CHECK(found.failure.starts_with("the gradient of"));
    }
    const TreeCheck absent = check(size, [](TreeResults& r) { r.y.data()[5] = std::nanf(""); });
    CHECK(absent.failure.starts_with("y differs"));
  }
}

TEST_CASE("the check finds wrong paths and wrong logits") {
  for (const std::int64_t leaf_width : {std::int64_t{0}, std::int64_t{3}}) {
    const TreeCase size = small_case(RoutingMode::kHard, leaf_width);
    const TreeCheck path = check(size, [](TreeResults& r) { r.leaf.data()[7] ^= 1; });
    CHECK(path.failure.starts_with("token 3: its path"));
    const TreeCheck logit = check(size, [](TreeResults& r) { r.logits.data()[0] += 0.001F; });
    CHECK(logit.failure.starts_with("token 0: its path or a logit"));
  }
}

TEST_CASE("exactly as many leaves survive as asked for") {
  for (const std::int64_t survivors : {1, 2, 8, 16}) {
    const TreeCase size = small_case(RoutingMode::kSoft, 3, survivors);
    const TreeCheck found = check(size, [](TreeResults&) {});
    CHECK(found.failure == "");
    const TreeProblem problem(size);
    CHECK(found.leaves == problem.tokens() * size.trees * survivors);
  }
}

TEST_CASE("a wrong result gets no ratio") {
  Yardsticks yardsticks;
  yardsticks.memory_gb_s = 10;
  const FffRow row = measure_fff(small_case(RoutingMode::kHard), 0, yardsticks,
                                 [](TreeResults& results) { spoil(results.y); });
  CHECK_FALSE(row.correct);
  CHECK_FALSE(row.ratio.has_value());
  CHECK(row.refused.starts_with("the check failed: y differs"));
  CHECK(fff_json(row)["ratio"].is_null());
}

TEST_CASE("a slow dense layer gets no ratio") {
  FffRow row;
  row.reference_share = 0.91;
  CHECK(refusal(row, "") == "");
  row.reference_share = 0.89;
  CHECK(refusal(row, "").starts_with("the dense layer reached 89 %"));
}

TEST_CASE("costs follow the nodes that a token uses") {
  Yardsticks yardsticks;
  yardsticks.memory_gb_s = 10;
  TreeCase size = small_case(RoutingMode::kHard);
  const FffRow hard = measure_fff(size, 0, yardsticks);
  // Forward 2 row products a node, backward 4 more, 5 nodes in each of 2 trees.
  CHECK(hard.flops_per_token == doctest::Approx(2.0 * 37 * 6 * 10));
  CHECK(hard.used_per_token == doctest::Approx(10));
  size.mode = RoutingMode::kStraightThrough;
  // 4 + 3 + 2 + 1 sibling nodes a tree, 2 row products each.
  CHECK(measure_fff(size, 0, yardsticks).flops_per_token == doctest::Approx(2.0 * 37 * (6 * 10 + 2 * 20)));
}

TEST_CASE("options that contradict each other are refused") {
  const auto refuses = [](const std::string& what, const FffOptions& options) {
    CHECK_THROWS_WITH_AS(bench_fff(options), doctest::Contains(what.c_str()), InputError);
  };
  refuses("--survivors needs --routing soft", {.survivors = 2});
  refuses("must be a power of two, got 3", {.survivors = 3, .routing = RoutingMode::kSoft});
  refuses("more than the 4 leaves", {.depths = {2}, .survivors = 8, .routing = RoutingMode::kSoft});
  refuses("--width above trees x depth",
          {.width = 9, .trees = 3, .survivors = 2, .routing = RoutingMode::kSoft});
  refuses("--depth must be from 1", {.depths = {0}, .leaf_width = 4});
  refuses("--depth must be from 0 to 24, got 25", {.depths = {25}});
  refuses("--tokens must be at least 1", {.tokens = {0}});
  refuses("16 GB", {.depths = {24}});
}

TEST_CASE("medians, spreads and ratios of rounds") {
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1, 2, 3}) == 2.5);
  CHECK(spread({1, 2, 4}) == doctest::Approx(1.5));
  CHECK(median_ratio({2, 10, 9}, {1, 2, 3}) == 3);
  std::int64_t calls = 0;
  const double seconds = seconds_per_call(0.01, [&](std::int64_t call) { CHECK(call == calls++); });
  CHECK(seconds * static_cast<double>(calls) >= 0.01);
}

}  // namespace
}  // namespace espalier::bench
