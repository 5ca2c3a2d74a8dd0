#include "cli/bench.h"
#include "cli/verbs.h"

namespace espalier::cli {

void add_bench(Command& app) {
  Command* verb = app.add_subcommand("bench", "Measure speed on this machine, checked in the same run");
  verb->require_subcommand();
  verb->fallthrough();
  add_bench_gemm(*verb);
  add_bench_fff(*verb);
  add_bench_step(*verb);
  add_bench_tokenize(*verb);
}

}  // namespace espalier::cli
