#include "cli/bench.h"

#include <fmt/format.h>

#include <cmath>

namespace espalier::cli {

std::string machine_line(const bench::Machine& machine) {
  std::string line = fmt::format("{}; {}; {} of {} cores; caches {} kB a core, {} kB shared", machine.cpu,
                                 machine.isa, machine.threads, machine.cores, machine.l2_kb, machine.l3_kb);
  if (machine.gemm_gflops > 0) {
    line += fmt::format("; matrix product {:.1f} GFLOP/s", machine.gemm_gflops);
  }
  if (machine.memory_gb_s > 0) line += fmt::format("; memory {:.1f} GB/s", machine.memory_gb_s);
  return line;
}

io::Json bench_json(const bench::Machine& machine, const std::vector<io::Json>& rows) {
  io::Json json;
  json["machine"] = bench::machine_json(machine);
  json["rows"] = rows;
  return json;
}

std::string short_number(double value) {
  const char* units[] = {"", " k", " M", " G", " T"};
  int unit = 0;
  while (std::abs(value) >= 999.5 && unit < 4) {
    value /= 1000;
    ++unit;
  }
  return fmt::format("{:.3g}{}", value, units[unit]);
}

}  // namespace espalier::cli
