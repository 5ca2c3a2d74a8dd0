// Lists in messages.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <string>

namespace espalier {

// "a, b, c", or of more than `most` items the first: "a, b and 7 more". `text` gives what is written of one.
template <class Items, class Text = std::identity>
std::string listed(const Items& items, std::size_t most, const std::string& separator = ", ",
                   const Text& text = {}) {
  std::string result;
  std::size_t count = 0;
  for (const auto& item : items) {
    if (++count > most) continue;
    if (count > 1) result += separator;
    result += std::invoke(text, item);
  }
  return count > most ? result + " and " + std::to_string(count - most) + " more" : result;
}

template <class Items, class Text = std::identity>
std::string joined(const Items& items, const std::string& separator = ", ", const Text& text = {}) {
  return listed(items, std::numeric_limits<std::size_t>::max(), separator, text);
}

}  // namespace espalier
