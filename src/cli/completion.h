// Texts made from what the commands say of themselves.
#pragma once

#include <string>

#include "cli/description.h"

namespace espalier::cli {

// A script that makes bash complete the program's verbs, options, their values, and keys of configurations.
std::string bash_completion(const CommandDescription& program);
// The same for zsh, which shows the help beside each word.
std::string zsh_completion(const CommandDescription& program);
// The manual page in roff, section 1.
std::string manual_page(const CommandDescription& program, const std::string& version);

}  // namespace espalier::cli
