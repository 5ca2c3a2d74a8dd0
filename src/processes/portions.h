// How rounds of work are cut among the processes where process 0 also joins what all have made: it takes so
// much less that all are done at the same time.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>

namespace espalier::processes {

class Elapsed {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

// What a process has done so far.
struct Figures {
  double own = 0;  // units, of `all`
  double seconds = 0;
  double all = 0;
  double joining_seconds = 0;  // at process 0: for the results of all
};

class Portions {
 public:
  explicit Portions(int processes) : processes_(processes), first_(1.0 / processes) {}

  // The process whose portion of a round of `total` units the unit at `position` falls to: portions follow
  // each other in the order of the processes.
  int owner(std::uint64_t position, std::uint64_t total) const;

  // For the units to come: by what all processes have done, which must be the same everywhere. Nothing
  // changes where there are no figures yet.
  void agree(std::span<const Figures> all);

  double first() const { return first_; }

 private:
  int processes_;
  double first_;  // process 0's portion
};

}  // namespace espalier::processes
