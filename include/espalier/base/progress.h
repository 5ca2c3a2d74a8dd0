// What a person sees while training runs: a live bar on a terminal, else a line every few seconds; on
// standard error.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace espalier {

class Progress {
 public:
  // `title` begins each line. Prints nothing with --quiet.
  explicit Progress(std::string title);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // From now on fractions and the time left are those of `phase`, which is shown; nothing if it is the
  // present one.
  void begin_phase(const std::string& phase);
  // Whether update() would draw now: if not, its text need not be put together.
  bool due() const;
  // `fraction` in [0, 1] of the work done; `status` is free text. Draws at most ten times a second on a
  // terminal, every ten seconds elsewhere.
  void update(double fraction, const std::string& status);
  // Removes the bar so that other text can be printed.
  void clear();

 private:
  std::chrono::milliseconds interval() const;
  std::string line(double fraction, const std::string& status) const;

  using Clock = std::chrono::steady_clock;
  std::string title_;
  std::string phase_;
  bool enabled_;
  bool terminal_;
  bool drawn_ = false;
  double first_fraction_ = -1;
  Clock::time_point start_;
  Clock::time_point last_;
};

// "1:02:03" or "2:03".
std::string clock_text(double seconds);

}  // namespace espalier
