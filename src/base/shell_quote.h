// Words of a command line, for commands that a message gives to copy.
#pragma once

#include <string>
#include <string_view>

namespace espalier {

// The word as a POSIX shell reads it back: as it stands if every character is plain, else between
// apostrophes.
std::string shell_quote(std::string_view word);

}  // namespace espalier
