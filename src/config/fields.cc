#include "espalier/config/fields.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/nearest.h"
#include "espalier/base/error.h"

namespace espalier::config {
namespace {

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

void Fields::add_field(Field field) {
  field.key = prefix_ + field.key;
  ESPALIER_CHECK(!has(field.key));
  field.default_values = field.get();
  fields_.push_back(std::move(field));
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

Fields::Field& Fields::field_of(const std::string& key) {
  return *std::find_if(fields_.begin(), fields_.end(), [&](const Field& field) { return field.key == key; });
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
