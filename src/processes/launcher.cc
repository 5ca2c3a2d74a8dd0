#include "processes/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
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

struct Name {
  char text[16] = {};
};

// Without allocating: after a fork of a program with threads others may hold the heap's lock.
Name name_in(const char* path) {
  Name name;
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return name;
  if (read(file, name.text, sizeof(name.text) - 1) < 0) name.text[0] = '\0';
  close(file);
  return name;
}

bool is_launcher(const Name& name) {
  for (const char* launcher : {"mpirun\n", "mpiexec\n", "orterun\n", "orted\n", "prterun\n", "prted\n"}) {
    if (std::strcmp(name.text, launcher) == 0) return true;
  }
  return false;
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

int launched_number() {
  if (launched_processes() == 1) return 0;
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK"})
    if (std::getenv(variable) != nullptr) return number_in(variable);
  return 0;
}

int tasks_apart() {
  // Only srun itself sets it, so a batch script with many tasks has it not; but mpirun, which starts its
  // daemons by srun, hands it on.
  return launched_processes() == 1 && number_in("SLURM_PROCID") == 0
             ? std::max(number_in("SLURM_STEP_NUM_TASKS"), 1)
             : 1;
}

void kill_launcher_in(unsigned seconds) {
  const pid_t parent = getppid();
  const std::string path = "/proc/" + std::to_string(parent) + "/comm";
  if (!is_launcher(name_in(path.c_str()))) return;
  if (fork() != 0) return;
  // Not of the group that mpirun kills.
  setsid();
  sleep(seconds);
  if (is_launcher(name_in(path.c_str()))) kill(parent, SIGKILL);
  _exit(0);
}

bool started_by_open_mpi() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr;
}

}  // namespace espalier::processes
