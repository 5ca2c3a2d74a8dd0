// What the tests of labelled files share.
#pragma once

#include <filesystem>
#include <string>

namespace espalier::testing {

// A message without the folder in front of the names in it.
std::string without_folder(std::string message, const std::filesystem::path& folder);

}  // namespace espalier::testing
