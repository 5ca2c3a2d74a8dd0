// Values of a config.json, checked.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>

#include "espalier/io/json.h"

namespace espalier::io {

// Far above any published model; sizes are compared with the stored tensors before anything is allocated,
// but position tables of sinusoids are not stored.
inline constexpr std::int64_t kLargestSize = std::int64_t{1} << 28U;
inline constexpr std::int64_t kMostPositions = 65536;

// Fails unless the key is absent or holds `value`; `effect` says what other values would do.
template <class Value>
void require(const JsonView& view, const char* key, const Value& value, const std::string& effect) {
  if (!view.has(key)) return;
  const JsonView member = view[key];
  if (member.json() == Json(value)) return;
  member.fail(fmt::format("{} is not supported, only {}: {}", json_text(member.json(), -1),
                          json_text(Json(value), -1), effect));
}

inline std::int64_t whole(const JsonView& view, const char* key, std::int64_t low,
                          std::int64_t high = kLargestSize) {
  return view[key].as_int(low, high);
}

inline double probability(const JsonView& view, const char* key, double otherwise) {
  const double value = view.get(key, otherwise);
  if (!(value >= 0 && value < 1))
    view[key].fail("expected a probability in [0, 1), found " + fmt::to_string(value));
  return value;
}

inline double positive(const JsonView& view, const char* key, double otherwise) {
  const double value = view.get(key, otherwise);
  if (!(value > 0)) view[key].fail("expected a number above 0, found " + fmt::to_string(value));
  return value;
}

// Which of the two words it is: whether the second.
inline bool is_second(const JsonView& word, const char* first, const char* second) {
  const std::string found = word.as_string();
  if (found != first && found != second)
    word.fail(fmt::format("expected \"{}\" or \"{}\", found \"{}\"", first, second, found));
  return found == second;
}

}  // namespace espalier::io
