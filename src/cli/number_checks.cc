#include "cli/command.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

// Not CLI11's own checks, which name the bounds of a double in their messages, the upper one with 309 digits.
namespace espalier::cli {
namespace {

// Whole numbers beyond it do not fit what holds them and would be read as the largest one.
constexpr double kLargest = 0x1p63;

// NaN if the text is not a number and nothing else.
double number_of(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const bool whole = !text.empty() && end == text.c_str() + text.size();
  return whole ? number : std::numeric_limits<double>::quiet_NaN();
}

// type: how help marks the option.
Check check(const char* expected, const char* type, bool (*valid)(double)) {
  const auto refuse = [expected, valid](const std::string& text) {
    const double number = number_of(text);
    const bool too_large = std::isfinite(number) && number > kLargest;
    if (std::isfinite(number) && valid(number) && !too_large) return std::string();
    return fmt::format("expected a number {}{}, found {}", expected, too_large ? " and below 2^63" : "",
                       text);
  };
  return {type, refuse};
}

}  // namespace

Check above_zero() {
  return check("above 0", "POSITIVE", [](double number) { return number > 0; });
}

Check zero_or_above() {
  return check("0 or above", "NONNEGATIVE", [](double number) { return number >= 0; });
}

}  // namespace espalier::cli
