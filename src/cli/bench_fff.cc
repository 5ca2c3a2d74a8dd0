#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "cli/bench.h"
#include "cli/json_list.h"
#include "cli/precision_option.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/bench/fff.h"

namespace espalier::cli {
namespace {

using bench::FffRow;

constexpr ops::RoutingMode kModes[] = {ops::RoutingMode::kHard, ops::RoutingMode::kSoft,
                                       ops::RoutingMode::kStraightThrough};

struct FffArguments {
  bench::FffOptions options;
  std::string routing = "hard";
  std::string precision = "float32";
  bool json = false;
};

std::string layer_text(const FffRow& row) {
  const std::string units = row.leaf_width > 0 ? fmt::format("leaves of {}", row.leaf_width) : "neurons";
  std::string text = fmt::format("{0} -> {1}x{2} {3} ({4} wide) -> {0}, {5} routing", row.width, row.trees,
                                 row.depth, units, row.neurons, bench::routing_name(row.routing));
  if (row.survivors > 0) text += fmt::format(", {} leaves survive", row.survivors);
  if (row.precision != ops::Precision::kFloat32) text += ", " + ops::precision_name(row.precision);
  return text + (row.backward ? ", forward and backward" : ", forward");
}

void print_row(const FffRow& row) {
  fmt::print("\n{}\n", layer_text(row));
  fmt::print("  {:22} {} tokens, {} threads\n", "a call", row.tokens, row.threads);
  fmt::print("  {:22} {:.4f} ms, spread of the rounds {:.0f} %\n", "tree", row.ms, 100 * row.spread);
  fmt::print("  {:22} {:.4f} ms, {:.0f} % of the matrix product's speed{}\n", "dense layer", row.dense_ms,
             100 * row.dense_share,
             row.dense_tokens < row.tokens
                 ? fmt::format(" (measured with {} tokens, in proportion)", row.dense_tokens)
                 : "");
  if (row.unpruned_ms) fmt::print("  {:22} {:.4f} ms\n", "unpruned, dense form", *row.unpruned_ms);
  fmt::print("  {:22} {}\n", "ratio to dense",
             row.ratio ? fmt::format("{:.1f}", *row.ratio) : "none: " + row.refused);
  if (row.unpruned_ratio) fmt::print("  {:22} {:.1f}\n", "ratio to unpruned", *row.unpruned_ratio);
  if (row.float32_ratio) {
    fmt::print("  {:22} {:.2f} ({:.4f} ms)\n", "ratio to float32", *row.float32_ratio, *row.float32_ms);
  }
  fmt::print("  {:22} {} operations: {:.1f} % of the time that they take at the matrix product's speed\n",
             "a token needs", short_number(row.flops_per_token), 100 * row.arithmetic_bound_ms / row.ms);
  fmt::print("  {:22} {}B of memory traffic: {:.1f} % of the time at the memory's speed\n", "",
             short_number(row.bytes_per_token) + (row.bytes_per_token < 999.5 ? " " : ""),
             100 * row.memory_bound_ms / row.ms);
  fmt::print("  {:22} {:.1f} % of all; {:.1f} of {} neurons used a token\n", "leaves reached",
             100 * row.leaves_hit, row.used_per_token, row.neurons);
  fmt::print("  {:22} {} tokens, largest error {:.1e}; {} near ties, {} of them decided otherwise\n",
             "checked in double", row.checked_tokens, row.max_error, row.near_ties, row.tie_flips);
}

void run(FffArguments& arguments) {
  for (const ops::RoutingMode mode : kModes) {
    if (bench::routing_name(mode) == arguments.routing) arguments.options.routing = mode;
  }
  arguments.options.precision = *chosen_precision(arguments.precision);
  const bench::FffReport report = bench::bench_fff(arguments.options, [](const FffRow& row) {
    log_info(fmt::format("depth {}, {} tokens: {:.4f} ms, dense {:.4f} ms", row.depth, row.tokens, row.ms,
                         row.dense_ms));
  });
  if (arguments.json) {
    std::vector<io::Json> rows;
    for (const FffRow& row : report.rows) rows.push_back(bench::fff_json(row));
    print_json(bench_json(report.machine, rows));
  } else {
    fmt::print("{}\n", machine_line(report.machine));
    for (const FffRow& row : report.rows) print_row(row);
  }
  for (const FffRow& row : report.rows) {
    if (!row.correct) throw RunError(fmt::format("bench fff: {}: {}", layer_text(row), row.refused));
  }
}

}  // namespace

void add_bench_fff(Command& bench) {
  const auto arguments = std::make_shared<FffArguments>();
  bench::FffOptions& options = arguments->options;
  Command* verb = bench.add_subcommand(
      "fff", "A layer of trees against the dense layer of equal training width (linear, GELU, linear)");
  verb->add_option("--tokens", options.tokens, "Tokens of a call; a,b,c measures each")
      ->delimiter(',')
      ->check(above_zero())
      ->capture_default_str();
  verb->add_option("--width", options.width, "Width of the model")
      ->check(above_zero())
      ->capture_default_str();
  verb->add_option("--trees", options.trees, "Parallel trees")->check(above_zero())->capture_default_str();
  verb->add_option("--depth", options.depths, "Levels of decisions; a,b,c measures each")
      ->delimiter(',')
      ->check(zero_or_above())
      ->capture_default_str();
  verb->add_option("--leaf-width", options.leaf_width, "Hidden units of a leaf; 0: trees of neurons")
      ->check(zero_or_above())
      ->capture_default_str();
  verb->add_option("--survivors", options.survivors,
                   "With soft routing: leaves of a tree that survive pruning for each token, a power of two; "
                   "0: nothing is pruned")
      ->check(zero_or_above())
      ->capture_default_str();
  std::vector<std::string> modes;
  for (const ops::RoutingMode mode : kModes) modes.push_back(bench::routing_name(mode));
  verb->add_option("--routing", arguments->routing, "hard, soft or straight_through")
      ->check(one_of(modes))
      ->capture_default_str();
  verb->add_option("--precision", arguments->precision,
                   "int8: rows of bytes, which trees of neurons with hard routing have in the forward pass")
      ->check(one_of({"float32", "int8"}))
      ->capture_default_str();
  verb->add_flag("--backward", options.backward, "Forward and backward: all gradients");
  verb->add_option("--rounds", options.rounds, "Rounds, of which medians are taken")
      ->check(above_zero())
      ->capture_default_str();
  verb->add_option("--seed", options.seed, "Of weights and inputs")->capture_default_str();
  verb->add_flag("--json", arguments->json, "One JSON document");
  verb->footer(
      "\nTree and dense layer take turns, round by round; a ratio is the median of the rounds'. There is no "
      "ratio if a result differs from the plain computation in double by more than 5e-5 of the largest "
      "value, "
      "or if the dense layer (for small layers or few tokens: one 768 -> 3072 -> 768 with 2048 tokens) does "
      "not reach 90 % of the speed of a 2048 x 2048 x 2048 product in the same rounds.");
  verb->callback([arguments] { run(*arguments); });
}

}  // namespace espalier::cli
