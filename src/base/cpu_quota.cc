#include "base/cpu_quota.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

namespace espalier {
namespace {

namespace fs = std::filesystem;

double number_in(const fs::path& file) {
  double value = 0;
  std::ifstream(file) >> value;
  return value;
}

// Of one group, in cores; 0: none, which version 2 writes as "max" and version 1 as -1.
double quota_of(const fs::path& group, bool version_2) {
  double quota = 0, period = 0;
  if (version_2) {
    std::ifstream(group / "cpu.max") >> quota >> period;
  } else {
    quota = number_in(group / "cpu.cfs_quota_us");
    period = number_in(group / "cpu.cfs_period_us");
  }
  return quota > 0 && period > 0 ? quota / period : 0;
}

bool names_cpu(std::string_view controllers) {
  return ("," + std::string(controllers) + ",").find(",cpu,") != std::string::npos;
}

}  // namespace

double cpu_quota(const fs::path& root, std::string_view groups) {
  double least = 0;
  std::istringstream lines{std::string(groups)};
  // "0::/GROUP" is of version 2, "NUMBER:cpu,cpuacct:/GROUP" of version 1.
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && !names_cpu(controllers)) continue;
    const fs::path mounted = controllers.empty() ? root : root / "cpu";
    // In a container the path may be the host's, of which only the upper end is there.
    fs::path group = fs::path(line.substr(second + 1)).lexically_normal().relative_path();
    for (;; group = group.parent_path()) {
      const double quota = quota_of(mounted / group, controllers.empty());
      if (quota > 0) least = least > 0 ? std::min(least, quota) : quota;
      if (group.empty()) break;
    }
  }
  return least;
}

}  // namespace espalier
