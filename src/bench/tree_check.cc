#include "bench/tree_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "bench/plain_dot.h"
#include "bench/plain_tree.h"
#include "espalier/base/parallel.h"
#include "espalier/bench/fff.h"

namespace espalier::bench {
namespace {

// Tokens whose uses are held at a time.
constexpr std::int64_t kPanel = 1024;
constexpr std::int64_t kColumns = 32;

// A tensor without any larger value is compared to this: gradients of settled decisions are rounding alone.
constexpr double kLeastScale = 1e-4;

using Doubles = std::vector<double>;

// The largest difference and the largest value of a tensor.
struct Difference {
  double largest = 0, value = 0;
  void add(double found, double expected) {
    const double difference = std::abs(found - expected);
    // Also for NaN.
    if (!(difference <= largest))
      largest = std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
    value = std::max(value, std::abs(expected));
  }
  void add(const Difference& other) {
    largest = std::max(largest, other.largest);
    value = std::max(value, other.value);
  }
  double relative() const { return largest / std::max(value, kLeastScale); }
};

Difference compare(const Tensor& found, const Doubles& expected) {
  Difference difference;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference.add(static_cast<double>(found.data()[i]), expected[i]);
  }
  return difference;
}

// Rows seen since the last forget(), and how many different ones.
class RowSet {
 public:
  explicit RowSet(std::int64_t rows) : stamps_(static_cast<std::size_t>(rows), 0) {}
  void forget() { ++stamp_; }
  std::int64_t add(const std::vector<RowUse>& uses) {
    std::int64_t added = 0;
    for (const RowUse& use : uses) {
      std::int64_t& stamp = stamps_[static_cast<std::size_t>(use.row)];
      added += stamp == stamp_ ? 0 : 1;
      stamp = stamp_;
    }
    return added;
  }

 private:
  std::vector<std::int64_t> stamps_;
  std::int64_t stamp_ = 1;
};

// The twin's gradients of the weights.
struct PlainGradients {
  Doubles unit_in, unit_bias, unit_out, gate_weight, gate_bias, leaf_bias;
  explicit PlainGradients(const TreeCase& size) {
    const auto count = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    unit_in.resize(count(size.units() * size.width));
    unit_out.resize(count(size.units() * size.width));
    unit_bias.resize(count(size.units()));
    if (!size.has_leaves()) return;
    gate_weight.resize(count(size.gates() * size.width));
    gate_bias.resize(count(size.gates()));
    leaf_bias.resize(count(size.leaves() * size.width));
  }
};

// sums[row] += factor * values, of columns [begin, end) of `width`.
void add_columns(std::int64_t row, double factor, const float* values, std::int64_t begin, std::int64_t end,
                 std::int64_t width, Doubles& sums) {
  if (factor == 0) return;
  double* to = sums.data() + row * width;
  for (std::int64_t i = begin; i < end; ++i) to[i] += factor * static_cast<double>(values[i]);
}

void add_gradients(const TreeProblem& problem, std::int64_t first, const std::vector<PlainToken>& tokens,
                   PlainGradients& sums) {
  const std::int64_t width = problem.size().width;
  parallel_for(width, kColumns, [&](std::int64_t begin, std::int64_t end) {
    for (std::size_t t = 0; t < tokens.size(); ++t) {
      const float* x = problem.x() + (first + static_cast<std::int64_t>(t)) * width;
      const float* dy = problem.dy() + (first + static_cast<std::int64_t>(t)) * width;
      for (const RowUse& use : tokens[t].units) {
        add_columns(use.row, use.in, x, begin, end, width, sums.unit_in);
        add_columns(use.row, use.out, dy, begin, end, width, sums.unit_out);
      }
      for (const RowUse& use : tokens[t].gates) {
        add_columns(use.row, use.in, x, begin, end, width, sums.gate_weight);
      }
      if (sums.leaf_bias.empty()) continue;
      for (const RowUse& use : tokens[t].leaves) {
        add_columns(use.row, use.out, dy, begin, end, width, sums.leaf_bias);
      }
    }
  });
  for (const PlainToken& token : tokens) {
    for (const RowUse& use : token.units) sums.unit_bias[static_cast<std::size_t>(use.row)] += use.in;
    for (const RowUse& use : token.gates) sums.gate_bias[static_cast<std::size_t>(use.row)] += use.in;
  }
}

class Checker {
 public:
  Checker(const TreeProblem& problem, const TreeResults& results)
      : problem_(problem),
        results_(results),
        size_(problem.size()),
        plain_(problem, results),
        unit_rows_(size_.units()),
        gate_rows_(std::max<std::int64_t>(size_.gates(), 1)),
        leaf_rows_(size_.leaves()) {}

  TreeCheck run() {
    PlainGradients gradients(size_.backward ? size_ : TreeCase{});
    for (std::int64_t first = 0; first < problem_.tokens(); first += kPanel) {
      const std::vector<PlainToken> tokens = panel(first);
      for (std::size_t t = 0; t < tokens.size(); ++t) count(first + static_cast<std::int64_t>(t), tokens[t]);
      if (size_.backward) add_gradients(problem_, first, tokens, gradients);
    }
    note("y", y_);
    if (size_.backward) note("dx", dx_);
    if (size_.backward) compare_gradients(gradients);
    check_.leaves_hit = static_cast<double>(leaves_reached_) / static_cast<double>(size_.leaves());
    if (check_.failure.empty() && !(check_.max_error <= kTolerance)) {
      check_.failure = fmt::format(
          "{} differs from the plain computation by {:.2g} of its largest value, at most {:.2g} is allowed",
          check_.worst, check_.max_error, kTolerance);
    }
    return check_;
  }

 private:
  std::vector<PlainToken> panel(std::int64_t first) {
    constexpr std::int64_t kGrain = 8;
    const std::int64_t count = std::min(kPanel, problem_.tokens() - first);
    std::vector<PlainToken> tokens(static_cast<std::size_t>(count));
    std::vector<Difference> y(static_cast<std::size_t>((count + kGrain - 1) / kGrain)), dx = y;
    parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        PlainToken& token = tokens[static_cast<std::size_t>(t)];
        plain_.run(first + t, token);
        const auto part = static_cast<std::size_t>(begin / kGrain);
        const Tensor row = results_.y.slice_rows(first + t, first + t + 1);
        y[part].add(compare(row, token.y));
        if (size_.backward) dx[part].add(compare(results_.dx.slice_rows(first + t, first + t + 1), token.dx));
      }
    });
    for (const Difference& part : y) y_.add(part);
    for (const Difference& part : dx) dx_.add(part);
    return tokens;
  }

  void count(std::int64_t index, const PlainToken& token) {
    if (index % size_.tokens == 0) {
      unit_rows_.forget();
      gate_rows_.forget();
    }
    check_.near_ties += token.near_ties;
    check_.tie_flips += token.tie_flips;
    check_.units += static_cast<std::int64_t>(token.units.size());
    check_.gates += static_cast<std::int64_t>(token.gates.size());
    check_.leaves += static_cast<std::int64_t>(token.leaves.size());
    check_.sibling_units += token.sibling_units;
    check_.sibling_gates += token.sibling_gates;
    check_.distinct_units += unit_rows_.add(token.units);
    check_.distinct_gates += gate_rows_.add(token.gates);
    leaves_reached_ += leaf_rows_.add(token.leaves);
    if (!token.path_is_right && check_.failure.empty()) {
      check_.failure = fmt::format("token {}: its path or a logit on it is not what its input says", index);
    }
    const auto reached = static_cast<std::int64_t>(token.leaves.size());
    if (size_.survivors > 0 && reached != size_.survivors * size_.trees && check_.failure.empty()) {
      check_.failure = fmt::format("token {}: {} leaves survive instead of {}", index, reached,
                                   size_.survivors * size_.trees);
    }
  }

  void compare_gradients(const PlainGradients& plain) {
    const TreeTensors& found = results_.gradients;
    const bool leaves = size_.has_leaves();
    note(leaves ? "the gradient of leaf_in" : "the gradient of w_in", compare(found.unit_in, plain.unit_in));
    note(leaves ? "the gradient of leaf_in_bias" : "the gradient of bias",
         compare(found.unit_bias, plain.unit_bias));
    note(leaves ? "the gradient of leaf_out" : "the gradient of w_out",
         compare(found.unit_out, plain.unit_out));
    if (!leaves) return;
    note("the gradient of gate_weight", compare(found.gate_weight, plain.gate_weight));
    note("the gradient of gate_bias", compare(found.gate_bias, plain.gate_bias));
    note("the gradient of leaf_out_bias", compare(found.leaf_bias, plain.leaf_bias));
  }

  void note(const char* tensor, const Difference& difference) {
    const double error = difference.relative();
    if (error <= check_.max_error) return;
    check_.max_error = error;
    check_.worst = tensor;
  }

  const TreeProblem& problem_;
  const TreeResults& results_;
  const TreeCase& size_;
  PlainTree plain_;
  RowSet unit_rows_, gate_rows_, leaf_rows_;
  std::int64_t leaves_reached_ = 0;
  Difference y_, dx_;
  TreeCheck check_;
};

}  // namespace

TreeCheck check_tree(const TreeProblem& problem, const TreeResults& results) {
  return Checker(problem, results).run();
}

void run_for_check(const TreeProblem& problem, TreeLayer& layer) {
  TreeResults& results = layer.results();
  const float nothing = std::numeric_limits<float>::quiet_NaN();
  for (Tensor* tensor : {&results.y, &results.dx, &results.gradients.unit_in, &results.gradients.unit_bias,
                         &results.gradients.unit_out, &results.gradients.gate_weight,
                         &results.gradients.gate_bias, &results.gradients.leaf_bias}) {
    if (tensor->defined()) tensor->fill(nothing);
  }
  for (std::int64_t batch = 0; batch < problem.batches(); ++batch) {
    layer.run(batch, batch > 0);
    layer.collect(batch);
  }
}

}  // namespace espalier::bench
