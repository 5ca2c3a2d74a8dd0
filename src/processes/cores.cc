#include "processes/cores.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <sstream>

#include "espalier/base/parallel.h"

namespace espalier::processes {

Cores own_cores() {
  Cores cores;
  char name[256] = {};
  if (gethostname(name, sizeof(name) - 1) == 0) cores.host = name;
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  for (int i = 0; i < CPU_SETSIZE; ++i) {
    if (CPU_ISSET(i, &set)) cores.set += fmt::format("{},", i);
  }
  cores.count = available_cores();
  cores.of_host = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  cores.threads = requested_threads();
  return cores;
}

std::vector<std::byte> bytes_of(const Cores& cores) {
  const std::string text =
      fmt::format("{}\n{}\n{} {} {}", cores.host, cores.set, cores.count, cores.of_host, cores.threads);
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

Cores cores_in(std::span<const std::byte> bytes) {
  std::istringstream text(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  Cores cores;
  std::getline(text, cores.host);
  std::getline(text, cores.set);
  text >> cores.count >> cores.of_host >> cores.threads;
  return cores;
}

static int on_host(std::span<const Cores> all, const std::string& host) {
  return static_cast<int>(
      std::count_if(all.begin(), all.end(), [&](const Cores& other) { return other.host == host; }));
}

int threads_of(std::span<const Cores> all, int number) {
  const Cores& own = all[static_cast<std::size_t>(number)];
  if (own.threads > 0) return own.threads;
  const auto sharing = std::count_if(all.begin(), all.end(), [&](const Cores& other) {
    return other.host == own.host && other.set == own.set;
  });
  return std::max(1, own.count / static_cast<int>(sharing));
}

std::string complaint_of(std::span<const Cores> all, int number, bool open_mpi) {
  const Cores& own = all[static_cast<std::size_t>(number)];
  const int bound = static_cast<int>(std::count(own.set.begin(), own.set.end(), ','));
  const int wanted = own.threads > 0 ? own.threads : own.of_host / on_host(all, own.host);
  if (bound >= wanted || bound >= own.of_host) return "";
  const std::string who = all.size() > 1 ? fmt::format("process {}", number) : std::string("this process");
  const char* option = open_mpi
                           ? "mpirun --bind-to none gives it those of the host"
                           : "the launcher's option for cores a task (srun --cpus-per-task) gives it more";
  return fmt::format("{} may use {} of the {} cores of {}, and computes with {} thread{}: {}", who, bound,
                     own.of_host, own.host, threads_of(all, number), threads_of(all, number) == 1 ? "" : "s",
                     option);
}

}  // namespace espalier::processes
