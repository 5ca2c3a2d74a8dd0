// Processes of two hosts: network namespaces, where the machine allows them.
#include <doctest/doctest.h>

#include "tests/cli/processes_support.h"

namespace espalier::testing {

TEST_CASE("two hosts that lose each other end, and the same command continues") {
  if (!can_run_together()) return;
  const std::string hosts = source_folder() / "experiments/scale/two_hosts.sh";
  if (!runs_in_shell("ip netns add espalier-trial && ip netns exec espalier-trial unshare --uts true && "
                     "ip -n espalier-trial link add link-a type veth peer name link-b; "
                     "status=$?; ip netns delete espalier-trial; exit $status")) {
    skip_test("no network namespaces here");
    return;
  }
  const Stopwatch watch;
  const Outcome outcome = Running(together("cut", lasting()), "CUT=5", "", {hosts, "none"}).wait();
  CHECK(outcome.status != 0);
  CHECK(watch.seconds() < 65);
  CHECK(outcome.err.find("processes left") == std::string::npos);
  check_continues("cut");
}

}  // namespace espalier::testing
