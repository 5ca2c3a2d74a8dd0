#include "data/json_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "espalier/data/bad_record.h"

namespace espalier::data {
namespace {

// A parse error reads "JSON: line 1, column 7: not valid JSON: why"; here the line of the file counts.
std::string reason_of(const std::string& message) {
  const std::string prefix = "JSON: ";
  std::string reason = message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  const std::string line = "line 1, ";
  return reason.starts_with(line) ? reason.substr(line.size()) : reason;
}

// NaN, Infinity and -Infinity outside strings, which Python writes for numbers that JSON has not, as null.
std::string non_numbers_as_null(std::string_view line) {
  std::string result;
  bool quoted = false;
  while (!line.empty()) {
    std::size_t length = 1;
    if (quoted && line.front() == '\\') length = std::min<std::size_t>(2, line.size());
    if (line.front() == '"') quoted = !quoted;
    for (const std::string_view name : {"NaN", "-Infinity", "Infinity"}) {
      if (quoted || !line.starts_with(name)) continue;
      result += "null";
      line.remove_prefix(name.size());
      length = 0;
      break;
    }
    result += line.substr(0, length);
    line.remove_prefix(length);
  }
  return result;
}

template <class Integer>
bool is_whole(std::string_view number) {
  Integer value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  return error == std::errc() && end == number.data() + number.size();
}

bool fits_64_bits(std::string_view number) {
  return is_whole<std::int64_t>(number) || is_whole<std::uint64_t>(number);
}

io::Json parse_line(std::string_view line) {
  try {
    return io::parse_json(line, "JSON");
  } catch (const InputError&) {
    const std::string other = non_numbers_as_null(line);
    if (other == line) throw;
    return io::parse_json(other, "JSON");
  }
}

}  // namespace

std::string describe_json(const io::Json* value) {
  if (value == nullptr) return "nothing (no such key)";
  if (value->is_null()) return "null";
  if (value->is_object()) return "an object";
  if (value->is_array()) return "a list";
  if (value->is_string()) return "a string";
  return fmt::format("the {} {}", value->is_boolean() ? "truth value" : "number", io::json_text(*value, -1));
}

std::string_view integer_beyond_64_bits(std::string_view line) {
  bool quoted = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (quoted && line[i] == '\\') {
      ++i;
    } else if (line[i] == '"') {
      quoted = !quoted;
    } else if (!quoted && (line[i] == '-' || (line[i] >= '0' && line[i] <= '9'))) {
      const std::size_t end = std::min(line.find_first_not_of("+-.0123456789eE", i), line.size());
      const std::string_view number = line.substr(i, end - i);
      i = end - 1;
      const bool whole = number.size() > 1 && number.find_first_of(".eE") == number.npos;
      if (whole && !fits_64_bits(number)) return number;
    }
  }
  return {};
}

io::Json parse_json_line(std::string_view line, const std::filesystem::path& path, std::uint64_t number,
                         const std::string& expected) {
  io::Json json;
  try {
    json = parse_line(line);
  } catch (const InputError& error) {
    throw BadRecord(path, number, fmt::format("expected {}; {}", expected, reason_of(error.what())));
  }
  if (!json.is_object()) {
    throw BadRecord(path, number, fmt::format("expected {}, found {}", expected, describe_json(&json)));
  }
  return json;
}

std::string json_line_text(const io::Json& object, const std::string& key, const std::filesystem::path& path,
                           std::uint64_t number) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) return found->get<std::string>();
  throw BadRecord(path, number,
                  fmt::format("`{}` must be a string, found {}", key,
                              describe_json(found == object.end() ? nullptr : &*found)));
}

}  // namespace espalier::data
