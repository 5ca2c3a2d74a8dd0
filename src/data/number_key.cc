#include "data/number_key.h"

#include <fmt/format.h>

#include <charconv>

#include "espalier/data/labels.h"

namespace espalier::data {

// Doubles would take 9007199254740993 for 9007199254740992, so the key is made of the digits: without point
// and outer zeros, and the power of ten that belongs to them.
std::string number_key(std::string_view text) {
  double value = 0;
  if (!parse_number(text, value)) return "";
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  const std::size_t e = text.find_first_of("eE");
  const std::string_view mantissa = text.substr(0, e);
  const std::size_t point = mantissa.find('.');
  std::string digits(mantissa.substr(0, point));
  if (digits.size() > 1 && digits.front() == '0') return "";
  if (point != mantissa.npos) digits += mantissa.substr(point + 1);
  const std::size_t first = digits.find_first_not_of('0');
  // Before the exponent is looked at, which may be anything here: 0e-9223372036854775808.
  if (first == std::string::npos) return "0";
  std::int64_t exponent = 0;
  if (e != text.npos) {
    std::string_view power = text.substr(e + 1);
    if (power.starts_with('+')) power.remove_prefix(1);
    if (std::from_chars(power.data(), power.data() + power.size(), exponent).ec != std::errc()) return "";
  }
  if (point != mantissa.npos) exponent -= static_cast<std::int64_t>(mantissa.size() - point - 1);
  const std::size_t last = digits.find_last_not_of('0');
  exponent += static_cast<std::int64_t>(digits.size() - 1 - last);
  return fmt::format("{}{}e{}", negative ? "-" : "", digits.substr(first, last - first + 1), exponent);
}

}  // namespace espalier::data
