// How the value of each kind of key is read and written.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string_view>

#include "config/home.h"
#include "espalier/base/error.h"
#include "espalier/config/fields.h"

namespace espalier::config {
namespace {

// A mistyped count must not fill the memory.
constexpr std::int64_t kMostNumbered = 1'000'000;

[[noreturn]] void fail(const Setting& setting, std::string_view expected) {
  throw InputError(fmt::format("{}: {} must be {}, got {}", setting.where, setting.key, expected,
                               setting.is_list ? fmt::format("the list [{}]", fmt::join(setting.values, ", "))
                                               : fmt::format("`{}`", setting.values.at(0))));
}

std::string expanded(const std::string& text, const Setting& setting) {
  return home_expanded(text, setting.where + ": " + setting.key);
}

const std::string& scalar(const Setting& setting, std::string_view expected) {
  if (setting.is_list) fail(setting, expected);
  return setting.values.at(0);
}

template <class Number>
bool parse_number(const std::string& text, Number& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

// Whole numbers may be written as 4e6.
bool parse_within(const std::string& text, const Range& range, std::int64_t& value) {
  if (!parse_number(text, value)) {
    double real = 0;
    if (!parse_number(text, real) || real != std::floor(real) || std::abs(real) > 9e15) return false;
    value = static_cast<std::int64_t>(real);
  }
  return range.contains(static_cast<double>(value));
}

bool parse_within(const std::string& text, const Range& range, double& value) {
  return parse_number(text, value) && std::isfinite(value) && range.contains(value);
}

template <class Number>
std::vector<Number> numbers_of(const Setting& setting, const std::string& type, const Range& range) {
  std::vector<Number> values(setting.values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!parse_within(setting.values[i], range, values[i])) fail(setting, type);
  }
  return values;
}

template <class Number>
std::vector<std::string> texts_of(const std::vector<Number>& values) {
  std::vector<std::string> texts;
  for (const Number value : values) texts.push_back(fmt::format("{}", value));
  return texts;
}

std::string with_range(const std::string& type, const Range& range) {
  return range.text().empty() ? type : type + " " + range.text();
}

}  // namespace

std::string Range::text() const {
  const bool has_low = std::isfinite(low);
  const bool has_high = std::isfinite(high);
  if (has_low && has_high) {
    return fmt::format("in {}{}, {}{}", low_excluded ? "(" : "[", low, high, high_excluded ? ")" : "]");
  }
  if (has_low) return fmt::format("{} {}", low_excluded ? "above" : "at least", low);
  return "";
}

bool Range::contains(double value) const {
  return (low_excluded ? value > low : value >= low) && (high_excluded ? value < high : value <= high);
}

Range at_least(double low) {
  return {.low = low};
}
Range above(double low) {
  return {.low = low, .low_excluded = true};
}
Range between(double low, double high) {
  return {.low = low, .high = high};
}
Range fraction() {
  return between(0, 1);
}
Range fraction_below_one() {
  return {.low = 0, .high = 1, .high_excluded = true};
}

void Fields::add(const std::string& key, bool& target, const std::string& help) {
  const auto set = [&target](const Setting& setting) {
    const std::string& text = scalar(setting, "true or false");
    if (text != "true" && text != "false") fail(setting, "true or false");
    target = text == "true";
  };
  add_field({key,
             "true or false",
             help,
             Kind::kTruth,
             false,
             set,
             [&target] { return std::vector<std::string>{target ? "true" : "false"}; },
             {"true", "false"}});
}

void Fields::add(const std::string& key, std::int64_t& target, const std::string& help, Range range) {
  const std::string type = with_range("a whole number", range);
  const auto set = [&target, range, type](const Setting& setting) {
    std::int64_t value = 0;
    if (!parse_within(scalar(setting, type), range, value)) fail(setting, type);
    target = value;
  };
  add_field({key, type, help, Kind::kNumber, false, set,
             [&target] { return std::vector<std::string>{std::to_string(target)}; }});
}

void Fields::add(const std::string& key, std::uint64_t& target, const std::string& help) {
  const auto set = [&target](const Setting& setting) {
    std::uint64_t value = 0;
    if (!parse_number(scalar(setting, "a whole number at least 0"), value))
      fail(setting, "a whole number at least 0");
    target = value;
  };
  add_field({key, "a whole number at least 0", help, Kind::kNumber, false, set,
             [&target] { return std::vector<std::string>{std::to_string(target)}; }});
}

void Fields::add(const std::string& key, double& target, const std::string& help, Range range) {
  const std::string type = with_range("a number", range);
  const auto set = [&target, range, type](const Setting& setting) {
    double value = 0;
    if (!parse_within(scalar(setting, type), range, value)) fail(setting, type);
    target = value;
  };
  add_field({key, type, help, Kind::kNumber, false, set,
             [&target] { return std::vector<std::string>{fmt::format("{}", target)}; }});
}

void Fields::add(const std::string& key, std::string& target, const std::string& help) {
  add_field({key, "text", help, Kind::kText, false,
             [&target](const Setting& setting) { target = expanded(scalar(setting, "text"), setting); },
             [&target] { return std::vector<std::string>{target}; }});
}

void Fields::add(const std::string& key, std::vector<std::string>& target, const std::string& help) {
  add_field({key, "a list of texts", help, Kind::kText, true,
             [&target](const Setting& setting) {
               target.clear();
               for (const std::string& value : setting.values) target.push_back(expanded(value, setting));
             },
             [&target] { return target; }});
}

void Fields::add(const std::string& key, std::vector<std::int64_t>& target, const std::string& help,
                 Range range) {
  const std::string type = with_range("a list of whole numbers", range);
  const auto set = [&target, range, type](const Setting& setting) {
    target = numbers_of<std::int64_t>(setting, type, range);
  };
  add_field({key, type, help, Kind::kNumber, true, set, [&target] { return texts_of(target); }});
}

void Fields::add(const std::string& key, std::vector<double>& target, const std::string& help, Range range) {
  const std::string type = with_range("a list of numbers", range);
  const auto set = [&target, range, type](const Setting& setting) {
    target = numbers_of<double>(setting, type, range);
  };
  add_field({key, type, help, Kind::kNumber, true, set, [&target] { return texts_of(target); }});
}

void Fields::add_numbered(const std::string& key, std::vector<std::int64_t>& target,
                          const std::string& help) {
  const std::string type = "a count at least 1, or a list of whole numbers at least 0";
  const auto set = [&target, type](const Setting& setting) {
    std::vector<std::int64_t> values =
        numbers_of<std::int64_t>(setting, type, at_least(setting.is_list ? 0 : 1));
    if (!setting.is_list) {
      if (values[0] > kMostNumbered) fail(setting, type);
      values.resize(static_cast<std::size_t>(values[0]));
      std::iota(values.begin(), values.end(), std::int64_t{1});
    }
    target = std::move(values);
  };
  add_field({key, type, help, Kind::kNumber, true, set, [&target] { return texts_of(target); }});
}

void Fields::add_choice(const std::string& key, std::vector<std::string> names, const std::string& help,
                        std::function<void(std::size_t)> set, std::function<std::size_t()> get) {
  const std::string type = fmt::format("one of {}", fmt::join(names, ", "));
  const auto set_name = [names, type, set](const Setting& setting) {
    const auto found = std::find(names.begin(), names.end(), scalar(setting, type));
    if (found == names.end()) fail(setting, type);
    set(static_cast<std::size_t>(found - names.begin()));
  };
  add_field({key, type, help, Kind::kText, false, set_name,
             [names, get] { return std::vector<std::string>{names[get()]}; }, names});
}

}  // namespace espalier::config
