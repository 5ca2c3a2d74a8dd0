// Text of others' files in what a person reads on a terminal.
#pragma once

#include <string>
#include <string_view>

namespace espalier {

// `text` with what would move the cursor, change colours or turn the direction of writing as "<U+001B>":
// control characters other than line end and tab (Unicode's Cc), and those of bidirectional text (U+202A to
// U+202E, U+2066 to U+2069). Other bytes stay, UTF-8 or not.
std::string printable(std::string_view text);

}  // namespace espalier
