#include "espalier/base/log.h"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>

namespace espalier {
namespace {
std::atomic<bool> quiet_setting{false};
}  // namespace

void set_quiet(bool quiet) {
  quiet_setting = quiet;
}
bool quiet() {
  return quiet_setting;
}

void log_info(std::string_view message) {
  if (!quiet_setting) fmt::print(stderr, "{}\n", message);
}

void log_warning(std::string_view message) {
  fmt::print(stderr, "warning: {}\n", message);
}

}  // namespace espalier
