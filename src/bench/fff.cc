#include "espalier/bench/fff.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "bench/fff_measure.h"
#include "bench/timing.h"
#include "espalier/base/error.h"
#include "espalier/ops/quantized.h"
#include "espalier/ops/tree_size.h"

namespace espalier::bench {
namespace {

void require(bool holds, const std::string& message) {
  if (!holds) throw InputError("bench fff: " + message);
}

void require_depth(const FffOptions& options, std::int64_t depth) {
  const bool leaves = options.leaf_width > 0;
  require(depth >= (leaves ? 1 : 0) && depth <= ops::kMaxTreeDepth,
          fmt::format("--depth must be from {} to {}, got {}", leaves ? "1 (with --leaf-width)" : "0",
                      ops::kMaxTreeDepth, depth));
  const double units = static_cast<double>(options.trees) * static_cast<double>(std::int64_t{2} << depth) *
                       static_cast<double>(std::max<std::int64_t>(options.leaf_width, 1));
  require(units * static_cast<double>(options.width) < 4e9,
          fmt::format("{} trees of depth {} need more than 16 GB for a weight; use fewer or flatter trees",
                      options.trees, depth));
  // The dense layer has values of so many tokens at once at least.
  for (const std::int64_t tokens : options.tokens) {
    const double hidden = units * static_cast<double>(std::min<std::int64_t>(tokens, kReferenceTokens)) *
                          (options.backward ? 12e-9 : 4e-9);
    require(hidden < 16,
            fmt::format("a dense layer as wide as {} trees of depth {} needs {:.0f} GB for the values of "
                        "{} tokens; use fewer or flatter trees, or fewer --tokens",
                        options.trees, depth, hidden, tokens));
  }
  if (options.survivors == 0) return;
  const std::int64_t leaves_per_tree = ops::TreeSize{options.trees, depth}.leaves_per_tree();
  require(options.survivors <= leaves_per_tree,
          fmt::format("--survivors {} is more than the {} leaves of a tree of depth {}", options.survivors,
                      leaves_per_tree, depth));
  require(options.trees * depth < options.width,
          fmt::format("--survivors needs a --width above trees x depth ({}), to write the paths into the "
                      "tokens; got {}",
                      options.trees * depth, options.width));
}

void require_valid(const FffOptions& options) {
  require(options.width >= 1, fmt::format("--width must be at least 1, got {}", options.width));
  require(options.trees >= 1, fmt::format("--trees must be at least 1, got {}", options.trees));
  require(options.leaf_width >= 0,
          fmt::format("--leaf-width must not be negative, got {}", options.leaf_width));
  require(options.rounds >= 1, fmt::format("--rounds must be at least 1, got {}", options.rounds));
  for (const std::int64_t tokens : options.tokens) {
    require(tokens >= 1, fmt::format("--tokens must be at least 1, got {}", tokens));
  }
  require(options.survivors >= 0, fmt::format("--survivors must not be negative, got {}", options.survivors));
  require(options.survivors == 0 || std::has_single_bit(static_cast<std::uint64_t>(options.survivors)),
          fmt::format("--survivors must be a power of two, got {}: a path of the tree is open on some levels "
                      "and settled on the others",
                      options.survivors));
  require(options.survivors == 0 || options.routing == ops::RoutingMode::kSoft,
          "--survivors needs --routing soft: only soft trees are pruned");
  if (options.precision != ops::Precision::kFloat32) {
    require(options.precision == ops::Precision::kInt8 && options.leaf_width == 0 && !options.backward &&
                options.routing == ops::RoutingMode::kHard,
            "--precision int8 is for the forward pass of trees of neurons with hard routing, and no other "
            "precision "
            "has rows of its own");
    for (const std::int64_t depth : options.depths) {
      require(ops::QuantizedNeuronTree::pays(static_cast<int>(options.trees), static_cast<int>(depth)),
              fmt::format("--precision int8: {} trees of depth {} are computed by dense products in float32",
                          options.trees, depth));
    }
  }
  for (const std::int64_t depth : options.depths) require_depth(options, depth);
}

TreeCase tree_case(const FffOptions& options, std::int64_t depth, std::int64_t tokens) {
  TreeCase size;
  size.tokens = tokens;
  size.width = options.width;
  size.trees = static_cast<int>(options.trees);
  size.depth = static_cast<int>(depth);
  size.leaf_width = options.leaf_width;
  size.survivors = options.survivors;
  size.mode = options.routing;
  size.backward = options.backward;
  size.precision = options.precision;
  size.seed = options.seed;
  return size;
}

}  // namespace

FffReport bench_fff(const FffOptions& options, const std::function<void(const FffRow&)>& on_row) {
  require_valid(options);
  FffReport report;
  report.machine = describe_machine();
  Yardsticks yardsticks;
  yardsticks.gemm.measure();
  yardsticks.memory_gb_s = read_bandwidth(memory_buffer_bytes(report.machine.l3_kb));
  report.machine.memory_gb_s = yardsticks.memory_gb_s;
  for (const std::int64_t depth : options.depths) {
    for (const std::int64_t tokens : options.tokens) {
      report.rows.push_back(measure_fff(tree_case(options, depth, tokens), options.rounds, yardsticks));
      report.machine.gemm_gflops = median(yardsticks.gemm_gflops);
      if (on_row) on_row(report.rows.back());
    }
  }
  return report;
}

std::string routing_name(ops::RoutingMode mode) {
  switch (mode) {
    case ops::RoutingMode::kHard:
      return "hard";
    case ops::RoutingMode::kSoft:
      return "soft";
    case ops::RoutingMode::kStraightThrough:
      return "straight_through";
  }
  return "";
}

io::Json fff_json(const FffRow& row) {
  io::Json json = {{"tokens", row.tokens},
                   {"width", row.width},
                   {"trees", row.trees},
                   {"depth", row.depth},
                   {"leaf_width", row.leaf_width},
                   {"survivors", row.survivors},
                   {"routing", routing_name(row.routing)},
                   {"backward", row.backward},
                   {"precision", ops::precision_name(row.precision)},
                   {"threads", row.threads},
                   {"neurons", row.neurons},
                   {"dense_ms", row.dense_ms},
                   {"ms", row.ms},
                   {"spread", row.spread}};
  json["ratio"] = number_or_null(row.ratio);
  json["refused"] = row.refused.empty() ? io::Json() : io::Json(row.refused);
  json["leaves_hit"] = row.leaves_hit;
  json["flops_per_token"] = row.flops_per_token;
  json["bytes_per_token"] = row.bytes_per_token;
  json["max_error"] = row.max_error;
  json["correct"] = row.correct;
  json["checked_tokens"] = row.checked_tokens;
  json["near_ties"] = row.near_ties;
  json["tie_flips"] = row.tie_flips;
  json["redrawn"] = row.redrawn;
  json["used_per_token"] = row.used_per_token;
  json["arithmetic_bound_ms"] = row.arithmetic_bound_ms;
  json["memory_bound_ms"] = row.memory_bound_ms;
  json["dense_tokens"] = row.dense_tokens;
  json["dense_share"] = row.dense_share;
  json["reference_share"] = row.reference_share;
  json["unpruned_ms"] = number_or_null(row.unpruned_ms);
  json["unpruned_ratio"] = number_or_null(row.unpruned_ratio);
  json["float32_ms"] = number_or_null(row.float32_ms);
  json["float32_ratio"] = number_or_null(row.float32_ratio);
  return json;
}

}  // namespace espalier::bench
