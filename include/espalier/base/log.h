// Messages to standard error. Results go to standard output and never through here.
#pragma once

#include <string_view>

namespace espalier {

// With `quiet`, log_info prints nothing; warnings always print.
void set_quiet(bool quiet);
bool quiet();
void log_info(std::string_view message);
void log_warning(std::string_view message);

}  // namespace espalier
