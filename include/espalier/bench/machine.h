// What a measurement was made on.
#pragma once

#include <cstdint>
#include <string>

#include "espalier/io/json.h"

namespace espalier::bench {

struct Machine {
  std::string cpu;         // the model name the system gives
  std::string isa;         // the SIMD target the kernels chose
  int cores = 0;           // that this process may use
  int threads = 0;         // that it was told to use
  std::int64_t l2_kb = 0;  // of a core; 0 where the system does not say
  std::int64_t l3_kb = 0;  // shared; 0 where the system does not say
  double gemm_gflops =
      0;  // oneDNN's sgemm 2048 x 2048 x 2048 with `threads`: median over the run; 0: not measured
  double memory_gb_s = 0;  // reading memory larger than every cache with `threads`; 0: not measured
};

// Everything but the measured speeds.
Machine describe_machine();

io::Json machine_json(const Machine& machine);

}  // namespace espalier::bench
