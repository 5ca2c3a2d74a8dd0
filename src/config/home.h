// `~` at the start of paths in configurations.
#pragma once

#include <string>

namespace espalier::config {

// "~/runs" with the home folder in place of the `~`, as a shell would have it: in a YAML file and in
// KEY=~/runs no shell does, and a folder called `~` is what nobody wants. Other text is given back as it is.
// InputError with `where`: HOME is not set, or "~NAME/..." of somebody else.
std::string home_expanded(const std::string& text, const std::string& where);

}  // namespace espalier::config
