// What the tests of lines of text share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/io/line_reader.h"

namespace espalier::io::line_testing {

using Lines = std::vector<std::string>;

// All lines of a file. Checks their numbers, and that the end stays one.
Lines lines_of(const std::filesystem::path& path, const LineReaderOptions& options = {});

}  // namespace espalier::io::line_testing
