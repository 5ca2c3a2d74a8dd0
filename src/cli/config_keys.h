// The keys of a configuration, for completion.
#pragma once

#include <string>
#include <vector>

namespace espalier::cli {

struct ConfigKey {
  std::string name;                  // dotted
  std::string help;                  // one sentence or more
  std::vector<std::string> choices;  // its only values, where these are few
};

// Out of what config::Fields::help() gives: a line with the key, then its meaning, type and default,
// indented. Keys that stand for a group of others (`NAME.*`) are left out.
std::vector<ConfigKey> config_keys(const std::string& help);

}  // namespace espalier::cli
