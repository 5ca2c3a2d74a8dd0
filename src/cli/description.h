// What a command says of itself: for help's relatives, the completion of shells and the manual page.
#pragma once

#include <string>
#include <vector>

#include "espalier/config/fields.h"

namespace espalier::cli {

struct OptionDescription {
  std::string name;   // "--name", or "-h,--help"; "NAME" of an argument known by its place
  std::string value;  // what help calls its value (TEXT, INT, FLOAT); empty for a flag
  std::string help;
  std::vector<std::string> choices;  // its only values, where these are few
  bool is_argument = false;
  bool is_path = false;
  bool is_required = false;
  bool several = false;  // takes more than one value
};

struct CommandDescription {
  std::string name;
  std::string help;
  std::string footer;  // of help
  std::vector<OptionDescription> options;
  std::vector<config::KeyDescription> keys;  // of the configuration that it reads
  std::vector<CommandDescription> verbs;
};

}  // namespace espalier::cli
