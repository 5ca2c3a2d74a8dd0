// How rounds of work are cut among the processes where process 0 also joins what all have made: it takes so
// much less that all are done at the same time.
#pragma once

#include <chrono>
#include <cstdint>

namespace espalier::processes {

class Elapsed {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

class Portions {
 public:
  explicit Portions(int processes) : processes_(processes), first_(1.0 / processes) {}

  // The process whose portion of a round of `total` units the unit at `position` falls to: portions follow
  // each other in the order of the processes.
  int owner(std::uint64_t position, std::uint64_t total) const;

  // Of a round, at process 0: what it took for its own units, and to join the results of all.
  void measured(std::uint64_t own, double own_seconds, std::uint64_t all, double joining_seconds);
  // Process 0's portion for the rounds to come by what it has measured so far; collective.
  void agree();

  // Process 0's portion by the figures, from 0 to an equal one.
  double suggested() const;

 private:
  int processes_;
  double first_;  // process 0's portion
  double own_ = 0, own_seconds_ = 0, all_ = 0, joining_seconds_ = 0;
};

}  // namespace espalier::processes
