#include <fmt/format.h>

#include <memory>

#include "cli/bench.h"
#include "cli/json_list.h"
#include "espalier/base/error.h"
#include "espalier/bench/gemm.h"

namespace espalier::cli {
namespace {

struct GemmArguments {
  bench::GemmOptions options;
  std::vector<std::string> shapes;
  bool json = false;
};

void print_table(const bench::GemmReport& report) {
  fmt::print("{}\n\n{:24} {:>20} {:>10} {:>8} {:>10} {:>9} {:>10}\n", machine_line(report.machine), "product",
             "m x n x k", "ms", "spread", "GFLOP/s", "of peak", "max error");
  for (const bench::GemmRow& row : report.rows) {
    fmt::print("{:24} {:>20} {:10.3f} {:6.1f} % {:10.1f} {:7.1f} % {:10.1e}\n", row.shape.name,
               fmt::format("{} x {} x {}", row.shape.m, row.shape.n, row.shape.k), row.ms, 100 * row.spread,
               row.gflops, 100 * row.share, row.max_error);
  }
}

void run(GemmArguments& arguments) {
  for (const std::string& shape : arguments.shapes) {
    arguments.options.shapes.push_back(bench::parse_gemm_shape(shape));
  }
  const bench::GemmReport report = bench::bench_gemm(arguments.options);
  if (arguments.json) {
    std::vector<io::Json> rows;
    for (const bench::GemmRow& row : report.rows) rows.push_back(bench::gemm_json(row));
    print_json(bench_json(report.machine, rows));
  } else {
    print_table(report);
  }
  for (const bench::GemmRow& row : report.rows) {
    if (!row.correct) {
      throw RunError(
          fmt::format("bench gemm: the product {} is wrong (error {:.2g})", row.shape.name, row.max_error));
    }
  }
}

}  // namespace

void add_bench_gemm(Command& bench) {
  const auto arguments = std::make_shared<GemmArguments>();
  Command* verb = bench.add_subcommand("gemm", "Dense matrix products of the sizes of a model");
  verb->add_option("--tokens", arguments->options.tokens, "Rows of the model's products")
      ->check(above_zero())
      ->capture_default_str();
  verb->add_option("--width", arguments->options.width, "Width of the model")
      ->check(above_zero())
      ->capture_default_str();
  verb->add_option("--shape", arguments->shapes,
                   "MxNxK of a product, instead of the model's; may be repeated");
  verb->add_option("--rounds", arguments->options.rounds, "Rounds, of which medians are taken")
      ->check(above_zero())
      ->capture_default_str();
  verb->add_flag("--json", arguments->json, "One JSON document");
  verb->callback([arguments] { run(*arguments); });
}

}  // namespace espalier::cli
