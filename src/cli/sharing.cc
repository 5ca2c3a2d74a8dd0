#include "cli/sharing.h"

#include <fmt/format.h>

#include <sstream>

#include "espalier/base/error.h"
#include "espalier/base/version.h"
#include "espalier/processes/processes.h"
#include "kernels/isa.h"

namespace espalier::cli {

void share_work() {
  processes::start(
      {fmt::format("espalier {}", kVersion), fmt::format("instruction set {}", kernels::active_isa())});
}

void require_same_settings(std::span<const config::Setting> settings) {
  if (processes::alone()) return;
  std::string own;
  for (const config::Setting& setting : settings) own += setting.key + "=" + setting_text(setting) + "\n";
  const std::vector<processes::Bytes> all = processes::gather(std::as_bytes(std::span(own)));
  const auto lines_of = [&](std::size_t process) {
    return std::istringstream({reinterpret_cast<const char*>(all[process].data()), all[process].size()});
  };
  for (std::size_t i = 1; i < all.size(); ++i) {
    std::istringstream first = lines_of(0), other = lines_of(i);
    while (first || other) {
      std::string there, here;
      if (!std::getline(first, there)) there = "nothing more";
      if (!std::getline(other, here)) here = "nothing more";
      if (here == there) continue;
      throw InputError(
          fmt::format("process {} is to run with {}, process 0 with {}: start all with the same command, on "
                      "hosts that see the "
                      "same files",
                      i, here, there));
    }
  }
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
