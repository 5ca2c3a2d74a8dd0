#include "espalier/base/log.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>
#include <string>

namespace espalier {
namespace {
std::atomic<bool> quiet_setting{false};
std::atomic<int> process_setting{0};
}  // namespace

void write_to_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
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
  if (!quiet_setting && process_setting == 0) write_to_stderr(fmt::format("{}\n", message));
}

void log_warning(std::string_view message) {
  if (process_setting == 0) write_to_stderr(fmt::format("warning: {}\n", message));
}

void log_warning_of_any_process(std::string_view message) {
  write_to_stderr(fmt::format("warning: {}{}\n", origin(), message));
}

void log_error(std::string_view message) {
  write_to_stderr(fmt::format("espalier: {}{}\n", origin(), message));
}

}  // namespace espalier
