// One feedforward layer of trees against the dense layer of equal training width, checked in the same run.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "espalier/bench/machine.h"
#include "espalier/ops/precision.h"
#include "espalier/ops/tree_routing.h"

namespace espalier::bench {

// A ratio is given only if the dense layer of the run reaches this share of the matrix product's speed.
inline constexpr double kLeastDenseShare = 0.9;
// Largest difference to the plain twin, relative to the largest value of the tensor.
inline constexpr double kTolerance = 5e-5;

struct FffOptions {
  std::vector<std::int64_t> tokens{16384};  // of a call; a row for each, and for each depth
  std::vector<std::int64_t> depths{11};
  std::int64_t width = 768;
  std::int64_t trees = 1;
  std::int64_t leaf_width = 0;  // hidden units of a leaf; 0: trees of neurons
  std::int64_t survivors = 0;   // soft: exactly so many leaves survive pruning, a power of two; 0: no pruning
  ops::RoutingMode routing = ops::RoutingMode::kHard;
  bool backward = false;  // forward and backward
  // int8: hard trees of neurons, forward. Weights and inputs are then numbers that int8 has exactly, so that
  // the check in double stays what it is.
  ops::Precision precision = ops::Precision::kFloat32;
  std::int64_t rounds = 5;
  std::uint64_t seed = 1;
};

struct FffRow {
  std::int64_t tokens = 0, width = 0, trees = 0, depth = 0, leaf_width = 0, survivors = 0;
  ops::RoutingMode routing = ops::RoutingMode::kHard;
  bool backward = false;
  ops::Precision precision = ops::Precision::kFloat32;
  int threads = 0;
  std::int64_t neurons = 0;  // of all trees: the inner width of the dense layer

  double ms = 0;        // a call, median of the rounds
  double spread = 0;    // (slowest - fastest round) / median
  double dense_ms = 0;  // of the dense layer for as many tokens
  std::int64_t dense_tokens =
      0;                        // that it was measured with: fewer than `tokens` where a call would take long
  double dense_share = 0;       // speed of its products / that of the machine's matrix product
  double reference_share = 0;   // the same for the layer that must reach kLeastDenseShare
  std::optional<double> ratio;  // median of the rounds' dense / tree; none where it is refused
  std::optional<double> unpruned_ms;  // with survivors: the same tree without pruning, by dense products
  std::optional<double> unpruned_ratio;
  std::optional<double> float32_ms;  // with another precision: the same tree in float32
  std::optional<double> float32_ratio;
  std::string refused;  // why there is no ratio

  double leaves_hit = 0;           // share of all leaves that a token of the check reached
  double used_per_token = 0;       // neurons (hidden units) on a token's way
  double flops_per_token = 0;      // that the way needs; a multiply-add is two
  double bytes_per_token = 0;      // that must move at least: inputs, outputs, each weight row once a call
  double arithmetic_bound_ms = 0;  // at the speed of the matrix product
  double memory_bound_ms = 0;      // at the speed of reading memory

  std::int64_t checked_tokens = 0;
  double max_error = 0;        // over all tokens and tensors, as kTolerance
  std::int64_t near_ties = 0;  // decisions with |logit| <= 1e-5 |w| |x|
  std::int64_t tie_flips = 0;  // of them, those that the twin would have decided otherwise
  std::int64_t redrawn = 0;    // straight-through: tokens drawn again because a sibling's decision was a tie
  bool correct = false;
};

struct FffReport {
  Machine machine;
  std::vector<FffRow> rows;
};

// Throws InputError for options that contradict each other. `on_row` is called after each row.
FffReport bench_fff(const FffOptions& options, const std::function<void(const FffRow&)>& on_row = nullptr);

std::string routing_name(ops::RoutingMode mode);
io::Json fff_json(const FffRow& row);

}  // namespace espalier::bench
