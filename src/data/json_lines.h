// One line of a JSON lines file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "espalier/io/json.h"

namespace espalier::data {

// Parses a line that must be an object. BadRecord: "PATH: line N: expected EXPECTED, found ...".
io::Json parse_json_line(std::string_view line, const std::filesystem::path& path, std::uint64_t number,
                         const std::string& expected);

// The member as a string. BadRecord as above.
std::string json_line_text(const io::Json& object, const std::string& key, const std::filesystem::path& path,
                           std::uint64_t number);

// "the number 3", "a list", "nothing (no such key)": what stands there, for messages.
std::string describe_json(const io::Json* value);

// The first integer of a line of JSON that 64 bits cannot hold, which was therefore read as a double and lost
// digits; empty if there is none.
std::string_view integer_beyond_64_bits(std::string_view line);

}  // namespace espalier::data
