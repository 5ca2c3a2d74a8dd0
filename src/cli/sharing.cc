#include "cli/sharing.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/base/version.h"
#include "espalier/processes/processes.h"
#include "kernels/isa.h"

namespace espalier::cli {

void share_work() {
  processes::start(
      {fmt::format("espalier {}", kVersion), fmt::format("instruction set {}", kernels::active_isa())});
}

void require_file_for_all(const std::string& file) {
  if (processes::alone() || file != "-") return;
  throw InputError("--file: - is standard input, which a launcher gives to process 0 alone: give a file");
}

void require_one_process(const std::string& verb) {
  if (processes::launched() == 1) return;
  throw InputError(fmt::format("{} runs in one process, but {} were started: start it without mpirun or srun",
                               verb, processes::launched()));
}

}  // namespace espalier::cli
