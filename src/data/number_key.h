// Numbers compared by value however they are written, exactly: 1, 1.0, +1 and 1e0 are one.
#pragma once

#include <string>
#include <string_view>

namespace espalier::data {

// Equal for equal numbers. Empty for what is no finite decimal number, and for codes with a leading zero
// (007), which are not meant as numbers.
std::string number_key(std::string_view text);

}  // namespace espalier::data
