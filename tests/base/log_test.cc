#include "espalier/base/log.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "espalier/base/progress.h"

namespace espalier {
namespace {

int speak_to_a_full_disk() {
  if (std::freopen("/dev/full", "w", stderr) == nullptr) return 2;
  try {
    log_info("info");
    log_warning("warning");
    log_warning_of_any_process("warning");
    log_error("error");
    Progress progress("training");
    progress.begin_phase("phase");
    Progress("evaluation").update(0.5, "status");
  } catch (...) {
    return 1;
  }
  return 0;
}

}  // namespace

TEST_CASE("a standard error that cannot be written stops nothing") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(speak_to_a_full_disk());
  int status = -1;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

}  // namespace espalier
