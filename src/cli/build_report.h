// `espalier --version --verbose`.
#pragma once

#include <string>

namespace espalier::cli {

// How this program was built, the libraries that it was built with and those it runs with, and the machine:
// what somebody who reads a report of a problem would ask for. Lines without a newline at the end.
std::string build_report();

}  // namespace espalier::cli
