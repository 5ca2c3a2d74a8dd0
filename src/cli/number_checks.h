// Checks of numbers on the command line. CLI11's own name the bounds of a double in their messages, the upper
// one with 309 digits.
#pragma once

#include <CLI/CLI.hpp>

namespace espalier::cli {

// Finite and above 0; `--tokens: expected a number above 0, found 0`.
CLI::Validator above_zero();
// Finite and 0 or above.
CLI::Validator zero_or_above();

}  // namespace espalier::cli
