// The share of the machine that control groups leave a process.
#pragma once

#include <filesystem>
#include <string_view>

namespace espalier {

// The least quota, in cores, of the group of a process and of all groups around it; 0 where there is none.
// `root` is where control groups of version 2, or folders of those of version 1, are mounted: /sys/fs/cgroup;
// `groups` the text of /proc/self/cgroup.
double cpu_quota(const std::filesystem::path& root, std::string_view groups);

}  // namespace espalier
