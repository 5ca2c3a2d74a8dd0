#include "espalier/base/log.h"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <string>

#include "espalier/base/printable.h"

namespace espalier {
namespace {
std::atomic<bool> quiet_setting{false};
std::atomic<int> process_setting{0};
}  // namespace

// A pipe whose reader is gone (Ctrl-C ends `tee` first) sends SIGPIPE, which would end the program before it
// saves. Of standard output that is what people want; so it is held back and taken here alone.
void write_to_stderr(std::string_view text) {
  sigset_t broken_pipe, before, pending;
  sigemptyset(&broken_pipe);
  sigaddset(&broken_pipe, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &broken_pipe, &before);
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
  constexpr timespec kNow{};
  if (sigismember(&pending, SIGPIPE) == 0) sigtimedwait(&broken_pipe, nullptr, &kNow);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void set_quiet(bool quiet) {
  quiet_setting = quiet;
}
bool quiet() {
  return quiet_setting;
}

void set_log_process(int number) {
  process_setting = number;
}
int log_process() {
  return process_setting;
}

// "process 3: ", or nothing.
static std::string origin() {
  return process_setting == 0 ? std::string() : fmt::format("process {}: ", process_setting.load());
}

void log_info(std::string_view message) {
  if (!quiet_setting && process_setting == 0) write_to_stderr(printable(message) + "\n");
}

void log_warning(std::string_view message) {
  if (process_setting == 0) write_to_stderr(fmt::format("warning: {}\n", printable(message)));
}

void log_warning_of_any_process(std::string_view message) {
  write_to_stderr(fmt::format("warning: {}{}\n", origin(), printable(message)));
}

void log_error(std::string_view message) {
  write_to_stderr(fmt::format("espalier: {}{}\n", origin(), printable(message)));
}

}  // namespace espalier
