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
  if (!quiet_setting && process_setting == 0) fmt::print(stderr, "{}\n", message);
}

void log_warning(std::string_view message) {
  if (process_setting == 0) fmt::print(stderr, "warning: {}\n", message);
}

void log_warning_of_any_process(std::string_view message) {
  fmt::print(stderr, "warning: {}{}\n", origin(), message);
}

void log_error(std::string_view message) {
  fmt::print(stderr, "espalier: {}{}\n", origin(), message);
}

}  // namespace espalier
