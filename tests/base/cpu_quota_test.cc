#include "base/cpu_quota.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier {
namespace {

// A file of a group, whose folder is made.
void write(const testing::TempDir& root, const std::string& group, const std::string& name,
           const std::string& text) {
  std::filesystem::create_directories(root / group);
  root.write(group + "/" + name, text);
}

}  // namespace

TEST_CASE("version 2: the least quota from the group of the process up to the root") {
  const testing::TempDir root;
  CHECK(cpu_quota(root.path(), "0::/user.slice/job\n") == 0);
  write(root, "user.slice/job", "cpu.max", "max 100000\n");
  CHECK(cpu_quota(root.path(), "0::/user.slice/job\n") == 0);
  write(root, "user.slice", "cpu.max", "250000 100000\n");
  CHECK(cpu_quota(root.path(), "0::/user.slice/job\n") == 2.5);
  write(root, "user.slice/job", "cpu.max", "50000 100000\n");
  CHECK(cpu_quota(root.path(), "0::/user.slice/job\n") == 0.5);
  CHECK(cpu_quota(root.path(), "0::/user.slice\n") == 2.5);
  // In a container the group is the root, or has a name that is not there.
  root.write("cpu.max", "300000 100000\n");
  CHECK(cpu_quota(root.path(), "0::/\n") == 3);
  CHECK(cpu_quota(root.path(), "0::/../elsewhere") == 3);
}

TEST_CASE("version 1: the quota of the controller of CPUs, in the group's folder or the container's") {
  const testing::TempDir root;
  const std::string groups = "9:name=systemd:/\n5:memory:/other\n4:cpu,cpuacct:/docker/abc\n2:cpuset:/cpu\n";
  write(root, "cpu", "cpu.cfs_quota_us", "-1\n");
  write(root, "cpu", "cpu.cfs_period_us", "100000\n");
  CHECK(cpu_quota(root.path(), groups) == 0);
  write(root, "cpu", "cpu.cfs_quota_us", "400000\n");
  CHECK(cpu_quota(root.path(), groups) == 4);
  write(root, "cpu/docker/abc", "cpu.cfs_quota_us", "150000\n");
  write(root, "cpu/docker/abc", "cpu.cfs_period_us", "100000\n");
  CHECK(cpu_quota(root.path(), groups) == 1.5);
  CHECK(cpu_quota(root.path(), "") == 0);
  CHECK(cpu_quota(root.path(), "nothing of the kind\n") == 0);
}

}  // namespace espalier
