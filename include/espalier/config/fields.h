// One list of fields per configuration struct. The list drives everything: reading YAML, command-line
// overrides,
// --help, --dump-config and the echo saved with each run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace espalier::config {

inline constexpr const char kCommandLine[] = "command line";

enum class Kind { kText, kNumber, kTruth };

// One `key: value` as written by the user, with where it was written.
struct Setting {
  std::string key;                  // dotted
  std::vector<std::string> values;  // one for a scalar
  bool is_list = false;
  std::string where;  // "configs/x.yaml:12", or kCommandLine
  int layer = 0;      // of two settings that exclude each other, that of the higher layer counts
  // Of each value, in what Fields give. They alone know it: as it was written, a value is a text.
  Kind kind = Kind::kText;
};

// A setting's value as one text, a list as "[0, 2]", and back; `where` is that of messages.
std::string setting_text(const Setting& setting);
Setting setting_from_text(const std::string& key, const std::string& text, const std::string& where);

// Allowed values of a number.
struct Range {
  double low = -std::numeric_limits<double>::infinity();
  double high = std::numeric_limits<double>::infinity();
  bool low_excluded = false;
  bool high_excluded = false;
  // "at least 1", "in (0, 1]"; empty if everything is allowed.
  std::string text() const;
  bool contains(double value) const;
};
Range at_least(double low);
Range above(double low);
Range between(double low, double high);  // both ends allowed
Range fraction();                        // [0, 1]
Range fraction_below_one();              // [0, 1)

// What people and shells are told of a key.
struct KeyDescription {
  std::string name;                  // dotted; NAME.* of a group of others
  std::string help;                  // one sentence or more
  std::string type;                  // with range and default
  std::vector<std::string> choices;  // its only values, where these are few
};

class Fields {
 public:
  // `prefix` is put before every key that is bound, as "per_task.cola.".
  explicit Fields(std::string prefix = "") : prefix_(std::move(prefix)) {}

  // Each call binds a key to a variable, whose present value is the default. `help` is one sentence.
  void add(const std::string& key, bool& target, const std::string& help);
  void add(const std::string& key, std::int64_t& target, const std::string& help, Range range = {});
  void add(const std::string& key, std::uint64_t& target, const std::string& help);
  void add(const std::string& key, double& target, const std::string& help, Range range = {});
  void add(const std::string& key, std::string& target, const std::string& help);
  void add(const std::string& key, std::vector<std::string>& target, const std::string& help);
  void add(const std::string& key, std::vector<std::int64_t>& target, const std::string& help,
           Range range = {});
  void add(const std::string& key, std::vector<double>& target, const std::string& help, Range range = {});
  // A list of whole numbers, or a count N >= 1, which stands for 1 .. N.
  void add_numbered(const std::string& key, std::vector<std::int64_t>& target, const std::string& help);
  // Every key that begins with `prefix` and a dot: kept in `target` without it, the last of each, in the
  // order of their keys. The owner of `target` checks them. Not of fields with a prefix.
  void add_group(const std::string& prefix, std::vector<Setting>& target, const std::string& help);
  template <class Enum>
  void choice(const std::string& key, Enum& target, std::vector<std::pair<std::string, Enum>> names,
              const std::string& help);
  // What is said besides where the choice just added is given `value`, which is none of its names.
  void explain(const std::string& value, const std::string& text);
  // A choice that gives other keys of `fill`'s owner new defaults: it is set before all others, wherever it
  // is written.
  template <class Enum>
  void preset(const std::string& key, Enum& target, std::vector<std::pair<std::string, Enum>> names,
              const std::string& help, std::type_identity_t<std::function<void(Enum)>> fill);
  // Keeps what apply() is given of the keys that begin with `prefix`, the last of each: those that somebody
  // wrote, even where the value is the default.
  void remember(const std::string& prefix, std::vector<Setting>& target);
  // Keys already added that begin with `keys` are read only where `key` has one of `values`; none: where it
  // is not at its default. Called again for a key, one of these is enough.
  void goes_with(const std::string& keys, const std::string& key, std::vector<std::string> values = {});
  // The same where all of the conditions must hold.
  struct Condition {
    std::string key;
    std::vector<std::string> values;
  };
  void goes_with(const std::string& keys, std::vector<Condition> conditions);
  // InputError for one of `given` that stands on the command line and is not read by what is set: it would be
  // dropped without a word. Files may be shared by runs of several kinds, and a default changes nothing.
  void require_read(std::span<const Setting> given);
  // Keys already added of which only one may be given, the others at their defaults. One that is given on the
  // command line takes the place of another in the file, one in the file that of another in its base. Two in
  // the same place both stay: the owner refuses that.
  void one_of(std::vector<std::string> keys);
  // Keys already added, of which `others` mean nothing where `key` is given: it puts those of lower layers
  // back to their defaults, and the owner refuses what is left. Not the other way round.
  void replaces(const std::string& key, std::vector<std::string> others);

  // Sets the bound variables. Errors (InputError) name where, the key, what was expected and what was found;
  // an unknown key names the nearest valid one.
  void apply(std::span<const Setting> settings);
  // Every key with its present value, in the order of the list. Only those with `prefix`, if given.
  std::vector<Setting> settings(const std::string& prefix = "") const;
  std::vector<KeyDescription> keys() const;
  // The same as text.
  std::string help() const;
  bool has(const std::string& key) const;

 private:
  struct Field {
    std::string key, type, help;
    Kind kind = Kind::kText;
    bool is_list = false;
    std::function<void(const Setting&)> set;
    std::function<std::vector<std::string>()> get;
    std::vector<std::string> choices = {};
    std::vector<Setting>* group = nullptr;  // of add_group
    std::vector<std::string> default_values = {};
    bool sets_defaults = false;                           // of preset()
    std::vector<std::vector<Condition>> conditions = {};  // of goes_with(): all of one list hold
    bool takes(const std::string& name) const;
  };
  void add_field(Field field);
  Field& field_of(const std::string& key);
  // The field that a setting is for; InputError with the nearest where there is none.
  Field& taker_of(const Setting& setting);
  bool holds(const Condition& condition);
  // Those of `keys` set in lower layers than the highest choice of one of `choices` among `settings` return
  // to their defaults.
  void forget_lower_choices(const std::vector<std::string>& keys, const std::vector<std::string>& choices,
                            std::span<const Setting> settings);
  void add_choice(const std::string& key, std::vector<std::string> names, const std::string& help,
                  std::function<void(std::size_t)> set, std::function<std::size_t()> get);
  std::string prefix_;
  std::vector<Field> fields_;
  std::vector<std::vector<std::string>> alternatives_;  // of one_of()
  std::vector<std::pair<std::string, std::vector<std::string>>> replaced_;
  std::vector<std::pair<std::string, std::vector<Setting>*>> remembered_;
};

template <class Enum>
void Fields::choice(const std::string& key, Enum& target, std::vector<std::pair<std::string, Enum>> names,
                    const std::string& help) {
  std::vector<std::string> texts;
  for (const auto& name : names) texts.push_back(name.first);
  add_choice(
      key, texts, help, [&target, names](std::size_t i) { target = names[i].second; },
      [&target, names] {
        std::size_t i = 0;
        while (names[i].second != target) ++i;
        return i;
      });
}

template <class Enum>
void Fields::preset(const std::string& key, Enum& target, std::vector<std::pair<std::string, Enum>> names,
                    const std::string& help, std::type_identity_t<std::function<void(Enum)>> fill) {
  choice(key, target, std::move(names), help);
  Field& field = fields_.back();
  field.sets_defaults = true;
  field.set = [set = field.set, &target, fill](const Setting& setting) {
    set(setting);
    fill(target);
  };
}

// Reads a YAML file into settings with dotted keys. A `base: FILE` key (relative to the file) is read first,
// so that a variant overrides its base. Errors name file and line, and for a file that is not there the
// nearest one.
std::vector<Setting> read_yaml(const std::filesystem::path& path);
// The same from text; `where` names it in messages.
std::vector<Setting> parse_yaml(const std::string& text, const std::string& where);
// "KEY=VALUE" of the command line; VALUE is YAML ("[a, b]" is a list).
Setting parse_override(const std::string& argument);
// Settings as a nested YAML document.
std::string to_yaml(std::span<const Setting> settings);

// Binds `fields` to `config` by describe(), then applies file (unless empty) and overrides.
template <class Config>
Config load(const std::filesystem::path& path, std::span<const std::string> overrides) {
  Config config;
  Fields fields;
  describe(config, fields);
  std::vector<Setting> settings;
  if (!path.empty()) settings = read_yaml(path);
  for (const std::string& argument : overrides) settings.push_back(parse_override(argument));
  fields.apply(settings);
  return config;
}

// InputError for a key of the command line that the configuration, as it is now, does not read.
template <class Config>
void require_read(const Config& config) {
  Config copy;
  Fields fields;
  describe(copy, fields);
  copy = config;  // after its defaults are known
  fields.require_read(config.given);
}

// Every key with its resolved value.
template <class Config>
std::vector<Setting> settings_of(const Config& config) {
  Config copy = config;
  Fields fields;
  describe(copy, fields);
  return fields.settings();
}

// The resolved configuration as YAML.
template <class Config>
std::string dump(const Config& config) {
  return to_yaml(settings_of(config));
}

}  // namespace espalier::config
