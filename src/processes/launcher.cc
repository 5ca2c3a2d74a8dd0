#include "processes/launcher.h"

#include <signal.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace espalier::processes {
namespace {

// 0 where the variable is not set or is no number.
int number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return 0;
  const std::string_view view(text);
  int number = 0;
  std::from_chars(view.data(), view.data() + view.size(), number);
  return number;
}

}  // namespace

int launched_processes() {
  // PMI_SIZE: MPICH's mpiexec, and srun --mpi=pmi2.
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (const int count = number_in(variable); count > 0) return count;
  }
  // srun --mpi=pmix gives no number but Slurm's own.
  if (std::getenv("PMIX_RANK") != nullptr) {
    if (const int count = number_in("SLURM_STEP_NUM_TASKS"); count > 0) return count;
    return number_in("SLURM_NTASKS") > 0 ? number_in("SLURM_NTASKS") : 1;
  }
  return 1;
}

void kill_launcher() {
  const pid_t parent = getppid();
  std::ifstream file("/proc/" + std::to_string(parent) + "/comm");
  std::string name;
  std::getline(file, name);
  for (const char* launcher : {"mpirun", "mpiexec", "orterun", "orted", "prterun", "prted"}) {
    if (name == launcher) kill(parent, SIGKILL);
  }
}

bool started_by_open_mpi() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr;
}

}  // namespace espalier::processes
