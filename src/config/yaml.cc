// The one door to yaml-cpp: YAML text to flat settings and back.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "config/home.h"
#include "config/nearest.h"
#include "espalier/base/error.h"
#include "espalier/config/fields.h"

namespace espalier::config {
namespace {

constexpr int kMaxBases = 8;

std::string place(const std::string& where, const YAML::Mark& mark) {
  return mark.is_null() ? where : fmt::format("{}:{}", where, mark.line + 1);
}

std::vector<std::string> list_values(const YAML::Node& node, const std::string& key,
                                     const std::string& where) {
  std::vector<std::string> values;
  for (const YAML::Node& item : node) {
    if (!item.IsScalar()) {
      throw InputError(fmt::format("{}: {} must be a list of plain values", place(where, item.Mark()), key));
    }
    values.push_back(item.Scalar());
  }
  return values;
}

// `mark` is where the key stands: an empty value has no place of its own.
void flatten(const YAML::Node& node, const std::string& key, const std::string& where, const YAML::Mark& mark,
             std::vector<Setting>& out) {
  const std::string here = place(where, mark);
  if (node.IsMap()) {
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) throw InputError(fmt::format("{}: keys must be plain words", here));
      const std::string child = key.empty() ? entry.first.Scalar() : key + "." + entry.first.Scalar();
      flatten(entry.second, child, where, entry.first.Mark(), out);
    }
    return;
  }
  if (std::any_of(out.begin(), out.end(), [&](const Setting& setting) { return setting.key == key; })) {
    throw InputError(fmt::format("{}: {} is given twice", here, key));
  }
  if (node.IsSequence()) {
    out.push_back({key, list_values(node, key, where), true, here});
  } else if (node.IsScalar()) {
    out.push_back({key, {node.Scalar()}, false, here});
  } else {
    throw InputError(fmt::format("{}: {} has no value; write one or delete the line", here, key));
  }
}

YAML::Node parse(const std::string& text, const std::string& where) {
  try {
    return YAML::Load(text);
  } catch (const YAML::Exception& error) {
    // What a shell pattern looks like to YAML.
    const bool alias = error.msg.find("anchor") != std::string::npos;
    throw InputError(fmt::format("{}: not valid YAML: {}{}", place(where, error.mark), error.msg,
                                 alias ? "; put a value that begins with * in quotes" : ""));
  }
}

// `named_at` begins messages: who names the file, if that is another file.
std::string read_file(const std::filesystem::path& path, const std::string& named_at) {
  const auto fail = [&](const std::string& why) {
    throw InputError(
        fmt::format("{}{}: cannot read this configuration file: {}", named_at, path.string(), why));
  };
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) fail("it is a folder; name a file in it");
  std::ifstream file(path, std::ios::binary);
  if (!file && std::filesystem::exists(path, error)) fail("permission denied");
  if (!file) {
    const std::string nearest = nearest_config_file(path).string();
    fail("there is none" + (nearest.empty() ? "" : "; the nearest is " + nearest));
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// A later setting of the same key replaces the earlier one in place.
void override_with(std::vector<Setting>& settings, std::vector<Setting> later) {
  for (Setting& setting : later) {
    const auto same = std::find_if(settings.begin(), settings.end(),
                                   [&](const Setting& s) { return s.key == setting.key; });
    if (same == settings.end()) {
      settings.push_back(std::move(setting));
    } else {
      *same = std::move(setting);
    }
  }
}

std::vector<Setting> read_with_bases(const std::filesystem::path& path, const std::string& named_at,
                                     int depth) {
  std::vector<Setting> own = parse_yaml(read_file(path, named_at), path.string());
  for (Setting& setting : own) setting.layer = kMaxBases - depth;
  const auto base = std::find_if(own.begin(), own.end(), [](const Setting& s) { return s.key == "base"; });
  if (base == own.end()) return own;
  if (base->is_list) throw InputError(fmt::format("{}: base must be one file", base->where));
  if (depth == kMaxBases) {
    throw InputError(fmt::format("{}: more than {} files based on each other; is one its own base?",
                                 base->where, kMaxBases));
  }
  std::vector<Setting> settings =
      read_with_bases(path.parent_path() / home_expanded(base->values[0], base->where + ": base"),
                      base->where + ": base: ", depth + 1);
  own.erase(base);
  override_with(settings, std::move(own));
  return settings;
}

void emit(YAML::Emitter& out, std::span<const Setting> settings, std::size_t prefix) {
  out << YAML::BeginMap;
  for (std::size_t i = 0; i < settings.size();) {
    const std::string rest = settings[i].key.substr(prefix);
    const std::size_t dot = rest.find('.');
    const std::string name = rest.substr(0, dot);
    std::size_t end = i + 1;
    if (dot == std::string::npos) {
      out << YAML::Key << name << YAML::Value;
      if (settings[i].is_list) {
        out << YAML::Flow << settings[i].values;
      } else {
        out << settings[i].values[0];
      }
    } else {
      const std::string group = settings[i].key.substr(0, prefix + dot + 1);
      while (end < settings.size() && settings[end].key.starts_with(group)) ++end;
      out << YAML::Key << name << YAML::Value;
      emit(out, settings.subspan(i, end - i), prefix + dot + 1);
    }
    i = end;
  }
  out << YAML::EndMap;
}

}  // namespace

std::vector<Setting> parse_yaml(const std::string& text, const std::string& where) {
  const YAML::Node root = parse(text, where);
  std::vector<Setting> settings;
  if (root.IsNull()) return settings;
  if (!root.IsMap()) throw InputError(fmt::format("{}: must be `key: value` lines", where));
  flatten(root, "", where, root.Mark(), settings);
  return settings;
}

std::vector<Setting> read_yaml(const std::filesystem::path& path) {
  return read_with_bases(path, "", 0);
}

Setting parse_override(const std::string& argument) {
  const std::size_t equals = argument.find('=');
  if (equals == 0 || equals == std::string::npos) {
    throw InputError(fmt::format("command line: expected KEY=VALUE, got `{}`", argument));
  }
  Setting setting{
      argument.substr(0, equals), {argument.substr(equals + 1)}, false, kCommandLine, kMaxBases + 1};
  if (setting.values[0].starts_with("[")) {
    const YAML::Node node = parse(setting.values[0], "command line: " + setting.key);
    if (!node.IsSequence()) {  // `[a]: b` is a map to YAML
      throw InputError(fmt::format("command line: {}: expected a list like [a, b], got `{}`", setting.key,
                                   setting.values[0]));
    }
    setting.values = list_values(node, setting.key, kCommandLine);
    setting.is_list = true;
  }
  return setting;
}

std::string to_yaml(std::span<const Setting> settings) {
  YAML::Emitter out;
  emit(out, settings, 0);
  return std::string(out.c_str()) + "\n";
}

std::string setting_text(const Setting& setting) {
  return setting.is_list ? fmt::format("[{}]", fmt::join(setting.values, ", ")) : setting.values.at(0);
}

Setting setting_from_text(const std::string& key, const std::string& text, const std::string& where) {
  if (!text.starts_with("[") || !text.ends_with("]")) return {key, {text}, false, where};
  Setting setting{key, {}, true, where};
  std::string value;
  for (const char c : std::string_view(text).substr(1)) {
    if (c == ' ') continue;
    if (c != ',' && c != ']') {
      value += c;
    } else if (!value.empty()) {
      setting.values.push_back(std::exchange(value, ""));
    }
  }
  return setting;
}

}  // namespace espalier::config
