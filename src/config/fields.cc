#include "espalier/config/fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <string_view>

#include "config/home.h"
#include "config/nearest.h"
#include "espalier/base/error.h"

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

std::string wrapped(const std::string& text, std::size_t indent, std::size_t width) {
  std::string out, line;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (!line.empty() && indent + line.size() + 1 + word.size() > width) {
      out += std::string(indent, ' ') + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    begin = end + 1;
  }
  return out + std::string(indent, ' ') + line + "\n";
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

void Fields::add_field(Field field) {
  field.key = prefix_ + field.key;
  ESPALIER_CHECK(!has(field.key));
  field.default_values = field.get();
  fields_.push_back(std::move(field));
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

// In the order of keys.
static void keep_last(std::vector<Setting>& settings, Setting setting) {
  std::erase_if(settings, [&](const Setting& s) { return s.key == setting.key; });
  const auto place =
      std::find_if(settings.begin(), settings.end(), [&](const Setting& s) { return s.key > setting.key; });
  settings.insert(place, std::move(setting));
}

void Fields::add_group(const std::string& prefix, std::vector<Setting>& target, const std::string& help) {
  ESPALIER_CHECK(prefix_.empty());
  const auto set = [&target, prefix](const Setting& setting) {
    Setting own = setting;
    own.key = setting.key.substr(prefix.size() + 1);
    keep_last(target, std::move(own));
  };
  Field field{prefix + ".*", "any of these keys", help, Kind::kText, false, set, [] {
                return std::vector<std::string>{""};
              }};
  field.group = &target;
  add_field(std::move(field));
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

void Fields::explain(const std::string& value, const std::string& text) {
  Field& field = fields_.back();
  field.set = [set = field.set, value, text](const Setting& setting) {
    try {
      set(setting);
    } catch (const InputError& error) {
      if (setting.is_list || setting.values.at(0) != value) throw;
      throw InputError(fmt::format("{}: {}", error.what(), text));
    }
  };
}

bool Fields::Field::takes(const std::string& name) const {
  return group == nullptr ? name == key : name.starts_with(key.substr(0, key.size() - 1));
}

bool Fields::has(const std::string& key) const {
  return std::any_of(fields_.begin(), fields_.end(), [&](const Field& field) { return field.key == key; });
}

void Fields::remember(const std::string& prefix, std::vector<Setting>& target) {
  remembered_.emplace_back(prefix_ + prefix, &target);
}

void Fields::goes_with(const std::string& keys, const std::string& key, std::vector<std::string> values) {
  goes_with(keys, {{key, std::move(values)}});
}

void Fields::goes_with(const std::string& keys, std::vector<Condition> conditions) {
  for (Condition& condition : conditions) {
    condition.key = prefix_ + condition.key;
    ESPALIER_CHECK(has(condition.key));
  }
  for (Field& field : fields_) {
    const bool itself = std::any_of(conditions.begin(), conditions.end(),
                                    [&](const Condition& condition) { return condition.key == field.key; });
    if (field.key.starts_with(prefix_ + keys) && !itself) field.conditions.push_back(conditions);
  }
}

bool Fields::holds(const Condition& condition) {
  const Field& field = field_of(condition.key);
  const std::vector<std::string> now = field.get();
  if (condition.values.empty()) return now != field.default_values;
  return std::find(condition.values.begin(), condition.values.end(), now.at(0)) != condition.values.end();
}

void Fields::require_read(std::span<const Setting> given) {
  for (const Setting& setting : given) {
    const Field& field = taker_of(setting);
    const auto all_hold = [&](const std::vector<Condition>& conditions) {
      return std::all_of(conditions.begin(), conditions.end(),
                         [&](const Condition& condition) { return holds(condition); });
    };
    if (setting.where != kCommandLine || field.conditions.empty() || field.get() == field.default_values ||
        std::any_of(field.conditions.begin(), field.conditions.end(), all_hold)) {
      continue;
    }
    std::vector<std::string> wanted, found;
    for (const std::vector<Condition>& conditions : field.conditions) {
      std::vector<std::string> together;
      for (const auto& [key, values] : conditions) {
        together.push_back(key + (values.empty() ? "" : fmt::format(": {}", fmt::join(values, " or "))));
        const Field& other = field_of(key);
        const std::string now = key + ": " + setting_text({key, other.get(), other.is_list, ""});
        if (std::find(found.begin(), found.end(), now) == found.end()) found.push_back(now);
      }
      wanted.push_back(fmt::format("{}", fmt::join(together, " and ")));
    }
    throw InputError(fmt::format("{}: {} goes with {}; this run has {}, which does not read it: leave it out",
                                 setting.where, setting.key, fmt::join(wanted, ", or with "),
                                 fmt::join(found, ", ")));
  }
}

void Fields::one_of(std::vector<std::string> keys) {
  for (std::string& key : keys) {
    key = prefix_ + key;
    ESPALIER_CHECK(has(key));
  }
  alternatives_.push_back(std::move(keys));
}

Fields::Field& Fields::field_of(const std::string& key) {
  return *std::find_if(fields_.begin(), fields_.end(), [&](const Field& field) { return field.key == key; });
}

void Fields::replaces(const std::string& key, std::vector<std::string> others) {
  ESPALIER_CHECK(has(prefix_ + key));
  for (std::string& other : others) {
    other = prefix_ + other;
    ESPALIER_CHECK(has(other));
  }
  replaced_.emplace_back(prefix_ + key, std::move(others));
}

void Fields::forget_lower_choices(const std::vector<std::string>& keys,
                                  const std::vector<std::string>& choices,
                                  std::span<const Setting> settings) {
  const auto is_default = [](const Field& field) { return field.get() == field.default_values; };
  const auto layer_of = [&](const std::string& key) {
    const auto setting =
        std::find_if(settings.rbegin(), settings.rend(), [&](const Setting& s) { return s.key == key; });
    return setting == settings.rend() ? -1 : setting->layer;
  };
  int highest = -1;
  for (const std::string& key : choices) {
    if (!is_default(field_of(key))) highest = std::max(highest, layer_of(key));
  }
  for (const std::string& key : keys) {
    Field& field = field_of(key);
    if (layer_of(key) < highest) field.set({key, field.default_values, field.is_list, "default"});
  }
}

Fields::Field& Fields::taker_of(const Setting& setting) {
  const auto field =
      std::find_if(fields_.begin(), fields_.end(), [&](const Field& f) { return f.takes(setting.key); });
  if (field != fields_.end()) return *field;
  std::vector<std::string> keys;
  for (const Field& known : fields_) keys.push_back(known.key);
  const std::string nearest = nearest_key(setting.key, keys);
  throw InputError(fmt::format(
      "{}: unknown key `{}`; {} (--help lists all)", setting.where, setting.key,
      nearest.empty() ? std::string("none is near it") : fmt::format("the nearest is `{}`", nearest)));
}

void Fields::apply(std::span<const Setting> settings) {
  for (const bool defaults : {true, false}) {
    for (const Setting& setting : settings) {
      const Field& field = taker_of(setting);
      if (field.sets_defaults == defaults) field.set(setting);
    }
  }
  for (const auto& [prefix, target] : remembered_) {
    for (const Setting& setting : settings) {
      if (setting.key.starts_with(prefix)) keep_last(*target, setting);
    }
  }
  for (const std::vector<std::string>& keys : alternatives_) forget_lower_choices(keys, keys, settings);
  for (const auto& [key, others] : replaced_) forget_lower_choices(others, {key}, settings);
}

std::vector<Setting> Fields::settings(const std::string& prefix) const {
  std::vector<Setting> all;
  for (const Field& field : fields_) {
    if (!field.key.starts_with(prefix)) continue;
    if (field.group == nullptr) {
      all.push_back({field.key, field.get(), field.is_list, "resolved", 0, field.kind});
      continue;
    }
    const std::string begin = field.key.substr(0, field.key.size() - 1);
    for (const Setting& setting : *field.group) {
      all.push_back({begin + setting.key, setting.values, setting.is_list, "resolved"});
    }
  }
  return all;
}

std::vector<KeyDescription> Fields::keys() const {
  std::vector<KeyDescription> keys;
  for (const Field& field : fields_) {
    const std::string value = setting_text({field.key, field.default_values, field.is_list, ""});
    keys.push_back({field.key, field.help,
                    fmt::format("{}; default: {}", field.type, value.empty() ? "none" : value),
                    field.choices});
  }
  return keys;
}

std::string Fields::help() const {
  std::string text;
  for (const KeyDescription& key : keys())
    text += fmt::format("  {}\n", key.name) + wrapped(key.help, 6, 100) + wrapped(key.type, 6, 100);
  return text;
}

}  // namespace espalier::config
