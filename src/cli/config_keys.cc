#include "cli/config_keys.h"

#include <sstream>
#include <string_view>

namespace espalier::cli {
namespace {

// Splits "MEANING. one of a, b; default: a", which was wrapped, at its type.
void take_type(ConfigKey& key) {
  static constexpr std::string_view kChoice = ". one of ";
  static constexpr std::string_view kSwitch = ". true or false";
  const std::size_t end = key.help.rfind("; default: ");
  if (end == std::string::npos) return;
  const std::string text = key.help.substr(0, end);
  const std::size_t choice = text.rfind(kChoice);
  if (text.ends_with(kSwitch)) {
    key.choices = {"true", "false"};
    key.help.resize(end - kSwitch.size() + 1);
  } else if (choice != std::string::npos && text.find(". ", choice + 1) == std::string::npos) {
    std::istringstream words(text.substr(choice + kChoice.size()));
    for (std::string word; words >> word;) {
      if (word.ends_with(',')) word.pop_back();
      key.choices.push_back(word);
    }
    key.help.resize(choice + 1);
  }
}

}  // namespace

std::vector<ConfigKey> config_keys(const std::string& help) {
  std::vector<ConfigKey> keys;
  std::istringstream lines(help);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t begin = line.find_first_not_of(' ');
    if (begin == 2) {
      keys.push_back({line.substr(begin), "", {}});
    } else if (begin != std::string::npos && !keys.empty()) {
      std::string& text = keys.back().help;
      text += (text.empty() ? "" : " ") + line.substr(begin);
    }
  }
  std::erase_if(keys, [](const ConfigKey& key) { return key.name.ends_with('*'); });
  for (ConfigKey& key : keys) take_type(key);
  return keys;
}

}  // namespace espalier::cli
