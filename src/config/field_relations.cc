// Keys that mean something only beside others.
#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/config/fields.h"

namespace espalier::config {

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

}  // namespace espalier::config
