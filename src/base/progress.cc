#include "espalier/base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/log.h"

namespace espalier {
namespace {

constexpr int kBarCells = 24;

}  // namespace

Progress::Progress(std::string title)
    : title_(std::move(title)),
      enabled_(!quiet() && log_process() == 0),
      terminal_(isatty(STDERR_FILENO) == 1),
      start_(Clock::now()),
      last_(start_ - std::chrono::hours(1)) {}

Progress::~Progress() {
  clear();
}

void Progress::clear() {
  if (terminal_ && drawn_) write_to_stderr("\r\x1b[K");
  drawn_ = false;
}

std::string Progress::line(double fraction, const std::string& status) const {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  const double done = fraction - first_fraction_;
  const std::string left = done > 0       ? clock_text(elapsed * (1.0 - fraction) / done) + " left"
                           : fraction < 1 ? "starting"
                                          : "done";
  std::string bar;
  if (terminal_) {
    const int full = static_cast<int>(std::lround(fraction * kBarCells));
    bar = "[" + std::string(static_cast<std::size_t>(full), '#') +
          std::string(static_cast<std::size_t>(kBarCells - full), '.') + "] ";
  }
  std::string text =
      fmt::format("{} {}{}{:5.1f} %  ", title_, phase_.empty() ? "" : phase_ + " ", bar, 100 * fraction);
  if (!status.empty()) text += status + "  ";
  return text + left;
}

void Progress::begin_phase(const std::string& phase) {
  if (!enabled_ || phase == phase_) return;
  phase_ = phase;
  first_fraction_ = -1;
  start_ = last_ = Clock::now();
  if (terminal_) {
    last_ -= std::chrono::hours(1);
  } else {
    write_to_stderr(fmt::format("{}: {}\n", title_, phase_));
  }
}

std::chrono::milliseconds Progress::interval() const {
  return terminal_ ? std::chrono::milliseconds(100) : std::chrono::milliseconds(10000);
}

bool Progress::due() const {
  return enabled_ && Clock::now() - last_ >= interval();
}

void Progress::update(double fraction, const std::string& status) {
  if (!enabled_) return;
  fraction = std::clamp(fraction, 0.0, 1.0);
  if (first_fraction_ < 0) first_fraction_ = fraction;
  const Clock::time_point now = Clock::now();
  if (now - last_ < interval()) return;
  last_ = now;
  if (terminal_) {
    write_to_stderr("\r\x1b[K" + line(fraction, status));
    drawn_ = true;
  } else {
    write_to_stderr(line(fraction, status) + "\n");
  }
}

std::string clock_text(double seconds) {
  const std::int64_t total = static_cast<std::int64_t>(std::lround(std::max(0.0, seconds)));
  const std::int64_t hours = total / 3600;
  const std::int64_t minutes = total / 60 % 60;
  if (hours > 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, total % 60);
  return fmt::format("{}:{:02}", minutes, total % 60);
}

}  // namespace espalier
