#include "cli/build_report.h"

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <link.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string_view>
#include <vector>

#include "cli/build_info.h"
#include "espalier/bench/machine.h"
#include "kernels/isa.h"

namespace espalier::cli {
namespace {

std::string line(std::string_view title, std::string_view text) {
  return fmt::format("{:<13} {}\n", title, text);
}

std::string build() {
  const std::string_view commit = kGitDescription;
  return fmt::format("{}, {}, flags `{}`, threads of {}, {}", kBuildInfo.type, kBuildInfo.compiler,
                     kBuildInfo.flags, kBuildInfo.threads,
                     commit.empty() ? "not built in a checkout" : fmt::format("commit {}", commit));
}

// The files of the shared libraries in this process, by folder. Their names hold the versions once links are
// followed, and the folders tell whose they are: the system's, a wheel's, those of LD_LIBRARY_PATH.
std::map<std::string, std::vector<std::string>> loaded_libraries() {
  std::map<std::string, std::vector<std::string>> folders;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* found) {
        std::error_code error;
        const std::filesystem::path file = std::filesystem::canonical(info->dlpi_name, error);
        auto& into = *static_cast<std::map<std::string, std::vector<std::string>>*>(found);
        if (!error) into[file.parent_path().string()].push_back(file.filename().string());
        return 0;
      },
      &folders);
  return folders;
}

std::string instructions() {
  const char* const pinned = std::getenv("ESPALIER_ISA");
  const std::string obstacle = kernels::bfloat16_obstacle();
  return fmt::format("{} in use; best here {}, ESPALIER_ISA {}; compiled for {}; bf16: {}",
                     kernels::kernel_isa(), kernels::active_isa(),
                     pinned == nullptr ? "not set" : fmt::format("is `{}`", pinned),
                     fmt::join(kernels::compiled_isas(), ", "),
                     obstacle.empty() ? kernels::bfloat16_instructions() : "no, " + obstacle);
}

std::string distribution() {
  std::ifstream file("/etc/os-release");
  constexpr std::string_view kName = "PRETTY_NAME=";
  for (std::string text; std::getline(file, text);) {
    if (!text.starts_with(kName)) continue;
    text.erase(0, kName.size());
    text.erase(std::remove(text.begin(), text.end(), '"'), text.end());
    return text;
  }
  return "unknown distribution";
}

std::string system_text() {
  utsname kernel{};
  uname(&kernel);
  return fmt::format("{}; {} {} {}; glibc {}", distribution(), kernel.sysname, kernel.release, kernel.machine,
                     gnu_get_libc_version());
}

double memory_gib() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 0x1p30;
}

}  // namespace

std::string build_report() {
  const bench::Machine machine = bench::describe_machine();
  std::string text = line("build", build());
  text += line("built with", kBuildInfo.libraries);
  for (auto [folder, files] : loaded_libraries()) {
    std::sort(files.begin(), files.end());
    text += line("runs with", fmt::format("{}/: {}", folder, fmt::join(files, " ")));
  }
  text += line("instructions", instructions());
  text += line("processor", machine.cpu);
  text += line("cores", fmt::format("{} of {} may be used; {} threads", machine.cores,
                                    sysconf(_SC_NPROCESSORS_ONLN), machine.threads));
  text += line("memory", fmt::format("{:.1f} GiB", memory_gib()));
  text += line("system", system_text());
  text.pop_back();
  return text;
}

}  // namespace espalier::cli
