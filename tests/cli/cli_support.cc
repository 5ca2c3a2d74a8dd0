#include "tests/cli/cli_support.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/support.h"

namespace espalier::testing {

namespace {

[[noreturn]] void become_espalier(const std::vector<std::string>& arguments, const TempDir& dir) {
  const auto redirect = [&](const char* name, int to) {
    const int fd = open((dir / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || dup2(fd, to) < 0) _exit(126);
  };
  redirect("out", STDOUT_FILENO);
  redirect("err", STDERR_FILENO);
  std::vector<char*> argv = {const_cast<char*>("espalier")};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(ESPALIER_BINARY, argv.data());
  _exit(127);
}

}  // namespace

io::Json Outcome::json() const {
  return io::parse_json(out, "standard output");
}

Outcome run_espalier(const std::vector<std::string>& arguments) {
  const TempDir dir;
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) become_espalier(arguments, dir);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, read_text(dir / "out"), read_text(dir / "err")};
}

Outcome run_well(const std::vector<std::string>& arguments) {
  Outcome outcome = run_espalier(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return outcome;
}

}  // namespace espalier::testing
