// Runs the real program.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/io/json.h"
#include "tests/support/support.h"

namespace espalier::testing {

struct Outcome {
  int status = -1;  // exit status; 128 + signal if one ended it
  std::string out;
  std::string err;

  // Standard output as one JSON document.
  io::Json json() const;
};

// A running `espalier ARGUMENTS...`; killed with this object unless wait() was called.
class Running {
 public:
  // `environment` ("NAME=VALUE" or empty) is added to that of the test; standard output goes to `out`, or to
  // where wait() reads it. `launcher` ("mpirun", "-np", "2") starts the program.
  explicit Running(const std::vector<std::string>& arguments, const std::string& environment = "",
                   const std::string& out = "", const std::vector<std::string>& launcher = {});
  ~Running();
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  pid_t process() const { return process_; }
  void signal(int number) const;
  // To its end.
  Outcome wait();

 private:
  TempDir dir_;
  pid_t process_ = -1;
};

// `espalier ARGUMENTS...`, to its end.
Outcome run_espalier(const std::vector<std::string>& arguments);

// The same, and fails the test unless it exits with 0.
Outcome run_well(const std::vector<std::string>& arguments);

// The same, and checks that it exits with 2, prints nothing and says MESSAGE on standard error.
void check_refused(const std::vector<std::string>& arguments, const std::string& message);

}  // namespace espalier::testing
