#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "cli/bench.h"
#include "cli/config_verb.h"
#include "cli/json_list.h"
#include "cli/precision_option.h"
#include "espalier/bench/step.h"

namespace espalier::cli {
namespace {

struct StepArguments {
  bench::StepOptions options;
  std::string precision;
  bool json = false;
};

// Operations that take less of a step than this are not worth a line.
constexpr double kSmallestShare = 0.005;

void print_operations(const bench::StepRow& row) {
  double all = 0;
  for (const OperationTime& time : row.operations) all += time.forward + time.backward;
  fmt::print("  {:22} {:>10} {:>10} {:>7}\n", "of one step", "forward", "backward", "share");
  for (const OperationTime& time : row.operations) {
    const double share = (time.forward + time.backward) / all;
    if (share < kSmallestShare) continue;
    fmt::print("    {:20} {:7.1f} ms {:7.1f} ms {:5.1f} %\n", time.name, 1e3 * time.forward,
               1e3 * time.backward, 100 * share);
  }
}

void print_training(const bench::StepRow& row) {
  fmt::print("  {:22} {:.0f} tokens/s, spread of the steps {:.0f} %\n", "training", row.train_tokens_per_s,
             100 * row.spread);
  if (row.mfu) {
    fmt::print("  {:22} {:.1f} % of the float32 matrix product's speed ({} operations a token)\n", "",
               100 * *row.mfu, short_number(*row.flops_per_token));
  } else {
    fmt::print("  {:22} paths are left out by their weight: operations are not counted\n", "");
  }
  fmt::print("  {:22} {:.1f} ms, {:.1f} % of a step\n", row.optimizer + " and norm", row.optimizer_ms,
             100 * row.optimizer_share);
  fmt::print("  {:22} {:.2f} GB; {} blocks asked from the system after the first step\n", "peak memory",
             row.peak_rss_gb, row.pool_allocations);
  fmt::print("  {:22} {:.3f} -> {:.3f}\n", "loss (random tokens)", row.first_loss, row.last_loss);
  print_operations(row);
}

std::string to_float32(const std::optional<double>& ratio) {
  return ratio ? fmt::format(", {:.2f} times as fast as float32 in the same rounds", *ratio) : "";
}

void print_table(const bench::StepReport& report) {
  const bench::StepRow& row = report.row;
  fmt::print("{}\n\n{}: {}, {}{}, {:.1f} M parameters; {} sequences of {}\n", machine_line(report.machine),
             row.name, row.layer, row.routing.empty() ? "" : row.routing + " routing, ", row.precision,
             static_cast<double>(row.parameters) / 1e6, row.sequences, row.length);
  if (row.trained) print_training(row);
  fmt::print("  {:22} {:.0f} tokens/s (hidden states of all positions){}\n", "forward",
             row.forward_tokens_per_s, to_float32(row.forward_ratio));
  fmt::print("  {:22} {:.1f} ms{}\n", "one sequence", row.sequence_ms, to_float32(row.sequence_ratio));
  if (row.hidden_difference) {
    fmt::print("  {:22} {:.2g} of their length from float32\n", "hidden states", *row.hidden_difference);
  }
}

}  // namespace

void add_bench_step(Command& bench) {
  const auto arguments = std::make_shared<StepArguments>();
  // The verb owns CONFIG; its path names the row.
  const auto verb = std::make_shared<Command*>(nullptr);
  *verb = add_config_verb<config::PretrainConfig>(
      bench, "step", "Training steps and forward passes of a model on random tokens",
      [arguments, verb](const config::PretrainConfig& config) {
        arguments->options.config = config;
        arguments->options.config.precision =
            chosen_precision(arguments->precision).value_or(config.precision);
        arguments->options.name = std::filesystem::path((*verb)->value("CONFIG")).stem().string();
        const bench::StepReport report = bench::bench_step(arguments->options);
        if (arguments->json) {
          print_json(bench_json(report.machine, {bench::step_json(report.row)}));
        } else {
          print_table(report);
        }
      });
  Command& step = **verb;
  step.add_option("--sequences", arguments->options.sequences, "Sequences of a batch")
      ->check(above_zero())
      ->capture_default_str();
  step.add_option("--length", arguments->options.length, "Tokens of a sequence")
      ->check(above_zero())
      ->capture_default_str();
  step.add_option("--progress", arguments->options.progress,
                  "Used fraction of the budget at which the routing's schedule is taken")
      ->check(within(0.0, 1.0))
      ->capture_default_str();
  add_precision_option(step, arguments->precision, "train.precision");
  step.add_option("--rounds", arguments->options.rounds, "Steps, of which medians are taken")
      ->check(above_zero())
      ->capture_default_str();
  step.add_option(
          "--export", arguments->options.export_folder,
          "Folder to leave the model in before its first step, in Hugging Face's layout, with a batch "
          "and its hidden states, to compare with another program")
      ->check(a_path());
  step.add_flag("--json", arguments->json, "One JSON document");
}

}  // namespace espalier::cli
