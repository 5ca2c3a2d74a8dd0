#include "espalier/bench/machine.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "espalier/base/parallel.h"
#include "kernels/isa.h"

namespace espalier::bench {
namespace {

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

// Of a unified cache that the first core sees. The C library asks the processor itself, which tells a virtual
// machine of caches that it shares with others, so the kernel's word goes first.
std::int64_t cache_kb(int level, int name) {
  for (int index = 0; index < 8; ++index) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
    std::ifstream level_file(folder + "/level"), size_file(folder + "/size");
    int found = 0;
    std::int64_t kb = 0;
    if (level_file >> found && found == level && size_file >> kb) return kb;
  }
  return std::max<std::int64_t>(sysconf(name), 0) / 1024;
}

}  // namespace

Machine describe_machine() {
  Machine machine;
  machine.cpu = cpu_name();
  machine.isa = kernels::active_isa();
  machine.cores = available_cores();
  machine.threads = thread_count();
  machine.l2_kb = cache_kb(2, _SC_LEVEL2_CACHE_SIZE);
  machine.l3_kb = cache_kb(3, _SC_LEVEL3_CACHE_SIZE);
  return machine;
}

io::Json machine_json(const Machine& machine) {
  const auto measured = [](double value) { return value > 0 ? io::Json(value) : io::Json(); };
  return {{"cpu", machine.cpu},
          {"isa", machine.isa},
          {"cores", machine.cores},
          {"threads", machine.threads},
          {"l2_kb", machine.l2_kb},
          {"l3_kb", machine.l3_kb},
          {"gemm_gflops", measured(machine.gemm_gflops)},
          {"memory_gb_s", measured(machine.memory_gb_s)}};
}

}  // namespace espalier::bench
