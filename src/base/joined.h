// Lists in messages: "a, b, c".
#pragma once

#include <string>
#include <vector>

namespace espalier {

inline std::string joined(const std::vector<std::string>& items, const std::string& separator = ", ") {
  std::string result;
  for (const std::string& item : items) {
    if (!result.empty()) result += separator;
    result += item;
  }
  return result;
}

}  // namespace espalier
