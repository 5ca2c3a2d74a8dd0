// Texts made from what the commands say of themselves.
#pragma once

#include <string>
#include <vector>

#include "cli/description.h"

namespace espalier::cli {

// The program's options that work behind every verb too.
std::vector<OptionDescription> general_options(const CommandDescription& program);
// A script that makes bash complete the program's verbs, options, their values, and keys of configurations.
std::string bash_completion(const CommandDescription& program);
// The same for zsh, which shows the help beside each word.
std::string zsh_completion(const CommandDescription& program);
// The manual page in roff, section 1.
std::string manual_page(const CommandDescription& program, const std::string& version);

}  // namespace espalier::cli
