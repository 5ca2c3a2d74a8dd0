// Several processes under mpirun.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/cli/glue_support.h"

namespace espalier::testing {

// Of Open MPI, to start so many processes on this machine, whatever its cores.
std::vector<std::string> mpirun(int processes);

// Whether the program knows Open MPI and there is an mpirun; skips the test where not. Whether they work is
// what the tests are for.
bool can_run_together();

// Whether that ends with status 0.
bool runs_in_shell(const std::string& command);

Outcome run_together(int processes, const Arguments& arguments);

// A pretraining of 200 updates in 8 gradient groups, with `overrides` last.
Arguments together(const std::string& name, const Arguments& overrides);

// Weights of the last and the best checkpoint of a run of the workshop, and its metrics.
std::string bits_of(const std::string& name);

// The same, after that pretraining.
std::string ending_after(int processes, int threads, const std::string& name, Arguments overrides);

// What makes a run of together() last until it is stopped, saving often; with `others` last.
Arguments lasting(const Arguments& others = {});

// A lasting run of two processes, in the middle of it.
struct LongRun {
  explicit LongRun(const std::string& name, const Arguments& others = {});
  Running running;
  std::vector<pid_t> processes;
};

// Fails unless all of them end within seconds.
void check_all_ended(const std::vector<pid_t>& processes);

// A lasting run goes on from where it was stopped, to the bits of one that was not.
void check_continues(const std::string& name);

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace espalier::testing
