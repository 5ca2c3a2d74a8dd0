// Shell patterns to files.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace espalier::data {

// The files that shell patterns (* ? [...]) name: those of a pattern sorted by byte, patterns in their order,
// no file twice. A path that exists is taken literally, and `-` is standard input. InputError names a pattern
// that matches nothing, a folder, or, unless `any_extension`, a file that table_format does not know.
std::vector<std::filesystem::path> expand_globs(const std::vector<std::string>& patterns,
                                                bool any_extension = false);

}  // namespace espalier::data
