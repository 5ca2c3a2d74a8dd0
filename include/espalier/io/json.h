// JSON documents. The only door to nlohmann-json: everybody else says io::Json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace espalier::io {

// Objects keep the order of their keys. A look-up by key is linear: iterate over large objects (a
// vocabulary), do not index into them.
using Json = nlohmann::ordered_json;

// Parses one whole document. `where` names the source (a path) in messages. Throws InputError with line and
// column for anything that is not JSON, a key that appears twice, or nesting deeper than 200.
Json parse_json(std::string_view text, const std::string& where);
Json read_json(const std::filesystem::path& path);

// The document as text: two blanks of indentation and a final newline, or on one line without either where
// `indent` is negative. Bytes that are not UTF-8 are replaced by U+FFFD.
std::string json_text(const Json& json, int indent = 2);

// JSON has neither NaN nor infinity: a number that is not finite is null.
Json finite_or_null(double value);

// A value inside a document that knows its path, so that getters can say
// `config.json: arch.hidden_size: expected an integer, found the string "768"`. It refers to the document,
// which must outlive it. All getters throw InputError.
class JsonView {
 public:
  JsonView(const Json& json, std::string where) : json_(&json), where_(std::move(where)) {}

  const Json& json() const { return *json_; }
  // "config.json: arch.embedding"
  const std::string& where() const { return where_; }
  // InputError("where: message").
  [[noreturn]] void fail(const std::string& message) const;

  // True if this is an object with that key and a value other than null.
  bool has(std::string_view key) const;
  // A member that must be there (null counts as absent).
  JsonView operator[](std::string_view key) const;
  // The same, but it may be null.
  JsonView nullable(std::string_view key) const;
  JsonView at(std::size_t index) const;
  // Number of elements of an array or members of an object.
  std::size_t size() const;
  std::vector<std::string> keys() const;

  bool as_bool() const;
  // A whole number within [low, high]; 3.0 counts as whole.
  std::int64_t as_int(std::int64_t low = std::numeric_limits<std::int64_t>::min(),
                      std::int64_t high = std::numeric_limits<std::int64_t>::max()) const;
  std::uint64_t as_uint64() const;
  double as_double() const;
  std::string as_string() const;  // by value: a view is often temporary
  void expect_object() const;
  void expect_array() const;

  // The member if present and not null, else the default.
  bool get(std::string_view key, bool otherwise) const;
  std::int64_t get(std::string_view key, std::int64_t otherwise) const;
  std::int64_t get(std::string_view key, int otherwise) const {
    return get(key, static_cast<std::int64_t>(otherwise));
  }
  double get(std::string_view key, double otherwise) const;
  std::string get(std::string_view key, const char* otherwise) const {
    return get(key, std::string(otherwise));
  }
  std::string get(std::string_view key, const std::string& otherwise) const;

 private:
  JsonView(const Json& json, std::string where, bool inside)
      : json_(&json), where_(std::move(where)), inside_(inside) {}

  const Json* json_;
  std::string where_;
  bool inside_ = false;  // where_ already holds a path inside the document
};

}  // namespace espalier::io
