#include "espalier/base/log.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>

#include "espalier/base/progress.h"

namespace espalier {
namespace {

int speak() {
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

int speak_to_a_full_disk() {
  return std::freopen("/dev/full", "w", stderr) == nullptr ? 2 : speak();
}

int speak_to_nobody() {
  int ends[2];
  if (pipe(ends) != 0 || dup2(ends[1], STDERR_FILENO) < 0) return 2;
  close(ends[0]);
  return speak();
}

int status_of(int (*body)()) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = -1;
  return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

}  // namespace

TEST_CASE("a standard error that cannot be written stops nothing") {
  CHECK(status_of(speak_to_a_full_disk) == 0);
  CHECK(status_of(speak_to_nobody) == 0);
}

}  // namespace espalier
