#include "cli/bench.h"
#include "cli/verbs.h"

namespace espalier::cli {

void add_bench(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("bench", "Measure speed on this machine, checked in the same run");
  verb->require_subcommand(1);
  verb->fallthrough();
  add_bench_gemm(*verb);
  add_bench_fff(*verb);
  add_bench_step(*verb);
  add_bench_tokenize(*verb);
}

}  // namespace espalier::cli
