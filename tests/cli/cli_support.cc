#include "tests/cli/cli_support.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

namespace espalier::testing {

namespace {

void redirect(const std::filesystem::path& path, int to) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || dup2(fd, to) < 0) _exit(126);
}

[[noreturn]] void become_espalier(const std::vector<std::string>& launcher,
                                  const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& word : launcher) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(const_cast<char*>(launcher.empty() ? "espalier" : program_path().c_str()));
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execvp(launcher.empty() ? program_path().c_str() : argv[0], argv.data());
  _exit(127);
}

}  // namespace

io::Json Outcome::json() const {
  return io::parse_json(out, "standard output");
}

Running::Running(const std::vector<std::string>& arguments, const std::string& environment,
                 const std::string& out, const std::vector<std::string>& launcher) {
  process_ = fork();
  REQUIRE(process_ >= 0);
  if (process_ > 0) return;
  redirect(out.empty() ? dir_ / "out" : std::filesystem::path(out), STDOUT_FILENO);
  redirect(dir_ / "err", STDERR_FILENO);
  std::signal(SIGHUP, SIG_DFL);  // ignored where nohup started the tests
  if (!environment.empty()) putenv(const_cast<char*>(environment.c_str()));
  become_espalier(launcher, arguments);
}

Running::~Running() {
  if (process_ < 0) return;
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
}

void Running::signal(int number) const {
  REQUIRE(kill(process_, number) == 0);
}

Outcome Running::wait() {
  int status = 0;
  REQUIRE(waitpid(process_, &status, 0) == process_);
  process_ = -1;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  const bool captured = std::filesystem::exists(dir_ / "out");
  return {code, captured ? read_text(dir_ / "out") : "", read_text(dir_ / "err")};
}

Outcome run_espalier(const std::vector<std::string>& arguments) {
  return Running(arguments).wait();
}

Outcome run_well(const std::vector<std::string>& arguments) {
  Outcome outcome = run_espalier(arguments);
  INFO(outcome.err);
  REQUIRE(outcome.status == 0);
  return outcome;
}

void check_refused(const std::vector<std::string>& arguments, const std::string& message) {
  const Outcome outcome = run_espalier(arguments);
  std::string line = "espalier";
  for (const std::string& argument : arguments) line += " " + argument;
  INFO(line);
  INFO(outcome.err);
  CHECK(outcome.status == 2);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find(message) != std::string::npos);
}

}  // namespace espalier::testing
