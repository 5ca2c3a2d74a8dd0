// The parts of `espalier bench`: one file each, bench_<name>.cc; and what they share.
#pragma once

#include <string>
#include <vector>
#include "cli/command.h"

#include "espalier/bench/machine.h"

namespace espalier::cli {

void add_bench_gemm(Command& bench);
void add_bench_fff(Command& bench);
void add_bench_step(Command& bench);
void add_bench_tokenize(Command& bench);

// "AMD EPYC; AVX3; 2 of 2 cores; ..." for people.
std::string machine_line(const bench::Machine& machine);
// {"machine": ..., "rows": [...]}
io::Json bench_json(const bench::Machine& machine, const std::vector<io::Json>& rows);

// 12.3 k, 4.5 M ... with three digits.
std::string short_number(double value);

}  // namespace espalier::cli
