#include "bench/fff_measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "bench/plain_tree.h"
#include "bench/timing.h"
#include "bench/tree_check.h"
#include "espalier/base/parallel.h"

namespace espalier::bench {
namespace {

// A round measures each competitor for at least this long.
constexpr double kLeastSeconds = 0.1;
// A dense call beyond this many operations is measured with fewer tokens, in proportion.
constexpr double kMostDenseFlops = 7e11;
// A dense layer at least as large as this must reach kLeastDenseShare itself; a smaller one cannot, and a
// layer of this size stands in for it.
constexpr std::int64_t kReferenceWidth = 768;
constexpr std::int64_t kReferenceInner = 3072;

// A dense layer with inputs of its own number of tokens.
class DenseRun {
 public:
  DenseRun(std::int64_t tokens, std::int64_t width, std::int64_t inner, bool backward)
      : layer_(width, inner, 2), tokens_(tokens), backward_(backward) {
    x_ = random_normal({tokens, width}, 1, 3, "x");
    y_ = Tensor::zeros({tokens, width});
    if (!backward) return;
    dy_ = random_normal({tokens, width}, 1, 3, "dy");
    dx_ = Tensor::zeros({tokens, width});
    run();
  }
  std::int64_t tokens() const { return tokens_; }
  void run() {
    if (backward_) {
      layer_.run(tokens_, x_.data(), y_.data(), dy_.data(), dx_.data());
    } else {
      layer_.run(tokens_, x_.data(), y_.data());
    }
  }
  // Seconds a call.
  double measure() {
    return seconds_per_call(kLeastSeconds, [&](std::int64_t) { run(); });
  }
  double gflops(double seconds) const {
    return layer_.flops_per_token(backward_) * static_cast<double>(tokens_) / seconds / 1e9;
  }

 private:
  DenseLayer layer_;
  std::int64_t tokens_;
  bool backward_;
  Tensor x_, y_, dy_, dx_;
};

std::int64_t dense_tokens(const TreeCase& size) {
  const double per_token = (size.backward ? 12.0 : 4.0) * static_cast<double>(size.width * size.units());
  const auto most = static_cast<std::int64_t>(kMostDenseFlops / per_token);
  return std::min(size.tokens, std::max(kReferenceTokens, most / kReferenceTokens * kReferenceTokens));
}

bool is_reference(const TreeCase& size) {
  return size.tokens >= kReferenceTokens / 2 && size.width >= kReferenceWidth && size.units() >= 1024;
}

FffRow describe(const TreeCase& size) {
  FffRow row;
  row.tokens = size.tokens;
  row.width = size.width;
  row.trees = size.trees;
  row.depth = size.depth;
  row.leaf_width = size.leaf_width;
  row.survivors = size.survivors;
  row.routing = size.mode;
  row.backward = size.backward;
  row.precision = size.precision;
  row.threads = thread_count();
  row.neurons = size.units();
  return row;
}

// Tokens whose siblings' decisions could fall either way are drawn again.
std::int64_t redraw_close_decisions(TreeProblem& problem) {
  if (problem.size().mode != ops::RoutingMode::kStraightThrough) return 0;
  const TreeResults none;
  const PlainTree plain(problem, none);
  std::vector<char> close(static_cast<std::size_t>(problem.tokens()), 1);
  std::int64_t redrawn = 0;
  for (bool again = true; again;) {
    parallel_for(problem.tokens(), 16, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t t = begin; t < end; ++t) {
        char& state = close[static_cast<std::size_t>(t)];
        if (state != 0) state = plain.has_close_decision(t) ? 1 : 0;
      }
    });
    again = false;
    for (std::int64_t t = 0; t < problem.tokens(); ++t) {
      if (close[static_cast<std::size_t>(t)] == 0) continue;
      problem.redraw(t);
      ++redrawn;
      again = true;
    }
  }
  return redrawn;
}

// Operations and traffic of a token, from what the check counted.
void add_costs(const TreeProblem& problem, const TreeCheck& check, FffRow& row) {
  const TreeCase& size = problem.size();
  const double tokens = static_cast<double>(problem.tokens());
  const double width = static_cast<double>(size.width);
  const double units = static_cast<double>(check.units) / tokens;
  const double gates = static_cast<double>(check.gates) / tokens;
  const double siblings = static_cast<double>(check.sibling_units) / tokens;
  const double sibling_gates = static_cast<double>(check.sibling_gates) / tokens;
  const bool gates_learn = size.mode != ops::RoutingMode::kHard;
  // Rows of `width` multiplied and added, for a unit and a gate.
  const double unit_rows = size.backward ? 6 : 2;
  const double gate_rows = size.backward && gates_learn ? 3 : 1;
  row.used_per_token = units;
  row.flops_per_token = 2 * width * (units * unit_rows + gates * gate_rows + siblings * 2 + sibling_gates);
  const double calls = static_cast<double>(problem.batches());
  const double weight_rows =
      (2 * static_cast<double>(check.distinct_units) + static_cast<double>(check.distinct_gates)) / calls;
  const double gradient_rows =
      2 * static_cast<double>(size.units()) + static_cast<double>(size.has_leaves() ? size.gates() : 0);
  // x and y; backward: x, dy, dx again, and every row of the gradients.
  const double stream_rows = size.backward ? 5 : 2;
  const double call_rows = weight_rows * (size.backward ? 2 : 1) + (size.backward ? gradient_rows : 0);
  const double of_weights = size.precision == ops::Precision::kInt8 ? 1 : 4;
  row.bytes_per_token = width * (4 * stream_rows + of_weights * call_rows / static_cast<double>(size.tokens));
}

}  // namespace

std::string refusal(const FffRow& row, const std::string& failure) {
  if (!failure.empty()) return "the check failed: " + failure;
  if (row.reference_share >= kLeastDenseShare) return "";
  return fmt::format(
      "the dense layer reached {:.0f} % of the matrix product's speed in this run, at least {:.0f} % is "
      "asked for",
      100 * row.reference_share, 100 * kLeastDenseShare);
}

namespace {

// The competitors of a row, and the seconds a call of each round.
class Race {
 public:
  Race(const TreeProblem& problem, TreeLayer& layer, Yardsticks& yardsticks)
      : problem_(problem),
        size_(problem.size()),
        layer_(layer),
        yardsticks_(yardsticks),
        dense_(dense_tokens(size_), size_.width, size_.units(), size_.backward) {
    if (!is_reference(size_)) {
      reference_ =
          std::make_unique<DenseRun>(kReferenceTokens, kReferenceWidth, kReferenceInner, size_.backward);
    }
    if (size_.survivors > 0) unpruned_ = std::make_unique<TreeLayer>(problem, false);
    if (size_.precision != ops::Precision::kFloat32) {
      float32_ = std::make_unique<TreeLayer>(problem, true, ops::Precision::kFloat32);
    }
  }

  void round() {
    stop_if_interrupted();
    const double first = yardsticks_.gemm.measure();
    tree_seconds_.push_back(measure(layer_));
    if (float32_) float32_seconds_.push_back(measure(*float32_));
    const double dense = dense_.measure();
    const double gemm = (first + yardsticks_.gemm.measure()) / 2;
    const double calls = static_cast<double>(size_.tokens) / static_cast<double>(dense_.tokens());
    dense_seconds_.push_back(dense * calls);
    gemm_.push_back(gemm);
    shares_.push_back(dense_.gflops(dense) / gemm);
    reference_shares_.push_back(reference_ ? reference_->gflops(reference_->measure()) / gemm
                                           : shares_.back());
    if (unpruned_) unpruned_seconds_.push_back(measure(*unpruned_));
  }

  void finish(const std::string& failure, FffRow& row) {
    yardsticks_.gemm_gflops.insert(yardsticks_.gemm_gflops.end(), gemm_.begin(), gemm_.end());
    row.ms = 1e3 * median(tree_seconds_);
    row.spread = spread(tree_seconds_);
    row.dense_ms = 1e3 * median(dense_seconds_);
    row.dense_tokens = dense_.tokens();
    row.dense_share = median(shares_);
    row.reference_share = median(reference_shares_);
    const double tokens = static_cast<double>(size_.tokens);
    row.arithmetic_bound_ms = row.flops_per_token * tokens / median(gemm_) / 1e6;
    row.memory_bound_ms = row.bytes_per_token * tokens / yardsticks_.memory_gb_s / 1e6;
    row.refused = refusal(row, failure);
    if (unpruned_) row.unpruned_ms = 1e3 * median(unpruned_seconds_);
    if (float32_) row.float32_ms = 1e3 * median(float32_seconds_);
    if (float32_ && failure.empty()) row.float32_ratio = median_ratio(float32_seconds_, tree_seconds_);
    if (!row.refused.empty()) return;
    row.ratio = median_ratio(dense_seconds_, tree_seconds_);
    if (unpruned_) row.unpruned_ratio = median_ratio(unpruned_seconds_, tree_seconds_);
  }

 private:
  double measure(TreeLayer& layer) {
    return seconds_per_call(kLeastSeconds,
                            [&](std::int64_t call) { layer.run(call % problem_.batches(), false); });
  }

  const TreeProblem& problem_;
  const TreeCase& size_;
  TreeLayer& layer_;
  Yardsticks& yardsticks_;
  DenseRun dense_;
  std::unique_ptr<DenseRun> reference_;
  std::unique_ptr<TreeLayer> unpruned_, float32_;
  std::vector<double> tree_seconds_, dense_seconds_, unpruned_seconds_, float32_seconds_, shares_,
      reference_shares_, gemm_;
};

}  // namespace

FffRow measure_fff(const TreeCase& size, std::int64_t rounds, Yardsticks& yardsticks,
                   const std::function<void(TreeResults&)>& tamper) {
  FffRow row = describe(size);
  TreeProblem problem(size);
  row.redrawn = redraw_close_decisions(problem);
  TreeLayer layer(problem);
  run_for_check(problem, layer);
  if (tamper) tamper(layer.results());
  const TreeCheck check = check_tree(problem, layer.results());
  row.checked_tokens = problem.tokens();
  row.correct = check.failure.empty();
  row.max_error = check.max_error;
  row.near_ties = check.near_ties;
  row.tie_flips = check.tie_flips;
  row.leaves_hit = check.leaves_hit;
  add_costs(problem, check, row);
  row.refused = refusal(row, check.failure);
  if (rounds == 0) return row;
  Race race(problem, layer, yardsticks);
  for (std::int64_t round = 0; round < rounds; ++round) race.round();
  race.finish(check.failure, row);
  return row;
}

}  // namespace espalier::bench
