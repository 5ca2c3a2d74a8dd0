// Runs the real program.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/io/json.h"

namespace espalier::testing {

struct Outcome {
  int status = -1;  // exit status; 128 + signal if one ended it
  std::string out;
  std::string err;

  // Standard output as one JSON document.
  io::Json json() const;
};

// `espalier ARGUMENTS...`, to its end.
Outcome run_espalier(const std::vector<std::string>& arguments);

// The same, and fails the test unless it exits with 0.
Outcome run_well(const std::vector<std::string>& arguments);

}  // namespace espalier::testing
