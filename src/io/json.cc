#include "espalier/io/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "espalier/base/error.h"
#include "espalier/io/json_objects.h"
#include "espalier/io/text_file.h"

namespace espalier::io {

namespace {

constexpr std::size_t kMaxDepth = 200;

struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};

Place place_of(std::string_view text, std::size_t byte) {
  Place place;
  for (const char c : text.substr(0, std::min(byte, text.size()))) {
    place.column = c == '\n' ? 1 : place.column + 1;
    place.line += c == '\n' ? 1 : 0;
  }
  return place;
}

// Builds the document by appending: the library's own builder looks every key up first, which is quadratic in
// the size of a vocabulary.
class JsonBuilder {
 public:
  using number_integer_t = Json::number_integer_t;
  using number_unsigned_t = Json::number_unsigned_t;
  using number_float_t = Json::number_float_t;
  using string_t = Json::string_t;
  using binary_t = Json::binary_t;

  JsonBuilder(std::string_view text, const std::string& where, const ObjectUse& use)
      : text_(text), where_(where), use_(use) {}
  Json take() { return std::move(root_); }

  bool null() { return add(nullptr); }
  bool boolean(bool value) { return add(value); }
  bool number_integer(number_integer_t value) { return add(value); }
  bool number_unsigned(number_unsigned_t value) { return add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) { return add(value); }
  bool string(string_t& value) { return add(std::move(value)); }
  bool binary(binary_t& value) { return add(std::move(value)); }
  bool key(string_t& value) {
    key_ = std::move(value);
    return true;
  }
  bool start_object(std::size_t /*size*/) { return open(Json::object()); }
  bool start_array(std::size_t /*size*/) { return open(Json::array()); }
  bool end_array() { return close(); }
  bool end_object() {
    std::unordered_set<std::string_view> seen;
    for (const auto& item : stack_.back()->get_ref<const Json::object_t&>()) {
      if (!seen.insert(item.first).second) {
        throw InputError(fmt::format("{}: the key \"{}\" appears twice in one object", where_, item.first));
      }
    }
    if (use_) use_(*stack_.back());
    return close();
  }
  bool parse_error(std::size_t byte, const std::string& /*token*/, const Json::exception& error) {
    // The library's text is "[json.exception...] parse error at line 1, column 2: what": keep the last part.
    const std::string_view what = error.what();
    const std::size_t column = what.find("column ");
    const std::size_t colon = column == what.npos ? what.rfind("] ") : what.find(": ", column);
    const Place place = place_of(text_, byte == 0 ? 0 : byte - 1);
    throw InputError(fmt::format("{}: line {}, column {}: not valid JSON: {}", where_, place.line,
                                 place.column, colon == what.npos ? what : what.substr(colon + 2)));
  }

 private:
  Json* place(Json&& value) {
    if (stack_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    std::vector<std::pair<const std::string, Json>>& members = parent.get_ref<Json::object_t&>();
    return &members.emplace_back(std::move(key_), std::move(value)).second;
  }
  template <class Value>
  bool add(Value&& value) {
    place(Json(std::forward<Value>(value)));
    return true;
  }
  bool open(Json&& value) {
    if (stack_.size() == kMaxDepth) {
      throw InputError(fmt::format("{}: nested deeper than {} levels", where_, kMaxDepth));
    }
    stack_.push_back(place(std::move(value)));
    return true;
  }
  bool close() {
    stack_.pop_back();
    return true;
  }

  std::string_view text_;
  const std::string& where_;
  const ObjectUse& use_;
  Json root_;
  std::string key_;
  std::vector<Json*> stack_;
};

std::string describe(const Json& json) {
  switch (json.type()) {
    case Json::value_t::object:
      return "an object";
    case Json::value_t::array:
      return "an array";
    case Json::value_t::null:
      return "null";
    case Json::value_t::string: {
      const std::string& text = json.get_ref<const std::string&>();
      return fmt::format("the string \"{}{}\"", text.substr(0, 40), text.size() > 40 ? "..." : "");
    }
    default:
      return json_text(json, -1);
  }
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  return parse_json(text, where, {});
}

Json parse_json(std::string_view text, const std::string& where, const ObjectUse& use) {
  JsonBuilder builder(text, where, use);
  Json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

Json read_json(const std::filesystem::path& path) {
  return parse_json(read_text_file(path), path.string());
}

std::string json_text(const Json& json, int indent) {
  std::string text = json.dump(indent, ' ', false, Json::error_handler_t::replace);
  if (indent >= 0) text += '\n';
  return text;
}

Json finite_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}

void JsonView::fail(const std::string& message) const {
  throw InputError(where_ + ": " + message);
}

bool JsonView::has(std::string_view key) const {
  if (!json_->is_object()) return false;
  const auto found = json_->find(key);
  return found != json_->end() && !found->is_null();
}

JsonView JsonView::operator[](std::string_view key) const {
  const JsonView member = nullable(key);
  if (member.json().is_null()) fail(fmt::format("the key \"{}\" is missing", key));
  return member;
}

JsonView JsonView::nullable(std::string_view key) const {
  expect_object();
  const auto found = json_->find(key);
  if (found == json_->end()) fail(fmt::format("the key \"{}\" is missing", key));
  return JsonView(*found, fmt::format("{}{}{}", where_, inside_ ? "." : ": ", key), true);
}

JsonView JsonView::at(std::size_t index) const {
  expect_array();
  if (index >= json_->size()) fail(fmt::format("expected at least {} elements, found {}", index + 1, size()));
  return JsonView((*json_)[index], fmt::format("{}{}[{}]", where_, inside_ ? "" : ": ", index), true);
}

std::size_t JsonView::size() const {
  if (!json_->is_array() && !json_->is_object()) {
    fail("expected an array or an object, found " + describe(*json_));
  }
  return json_->size();
}

std::vector<std::string> JsonView::keys() const {
  expect_object();
  std::vector<std::string> keys;
  for (const auto& item : json_->items()) keys.push_back(item.key());
  return keys;
}

bool JsonView::as_bool() const {
  if (!json_->is_boolean()) fail("expected true or false, found " + describe(*json_));
  return json_->get<bool>();
}

std::int64_t JsonView::as_int(std::int64_t low, std::int64_t high) const {
  std::int64_t value = 0;
  const double real = json_->is_number() ? json_->get<double>() : std::nan("");
  // 2^63 itself does not fit; every double below it does.
  if (json_->is_number_integer() && !(json_->is_number_unsigned() && json_->get<std::uint64_t>() >> 63U)) {
    value = json_->get<std::int64_t>();
  } else if (json_->is_number_float() && std::abs(real) < 9.2e18 && std::floor(real) == real) {
    value = static_cast<std::int64_t>(real);
  } else {
    fail("expected a whole number, found " + describe(*json_));
  }
  if (value < low || value > high) {
    const bool open = high == std::numeric_limits<std::int64_t>::max();
    fail(open ? fmt::format("expected a whole number of at least {}, found {}", low, value)
              : fmt::format("expected a whole number from {} to {}, found {}", low, high, value));
  }
  return value;
}

std::uint64_t JsonView::as_uint64() const {
  if (!json_->is_number_unsigned()) fail("expected a whole number of at least 0, found " + describe(*json_));
  return json_->get<std::uint64_t>();
}

double JsonView::as_double() const {
  if (!json_->is_number()) fail("expected a number, found " + describe(*json_));
  return json_->get<double>();
}

std::string JsonView::as_string() const {
  if (!json_->is_string()) fail("expected a string, found " + describe(*json_));
  return json_->get_ref<const std::string&>();
}

void JsonView::expect_object() const {
  if (!json_->is_object()) fail("expected an object, found " + describe(*json_));
}

void JsonView::expect_array() const {
  if (!json_->is_array()) fail("expected an array, found " + describe(*json_));
}

bool JsonView::get(std::string_view key, bool otherwise) const {
  return has(key) ? (*this)[key].as_bool() : otherwise;
}
std::int64_t JsonView::get(std::string_view key, std::int64_t otherwise) const {
  return has(key) ? (*this)[key].as_int() : otherwise;
}
double JsonView::get(std::string_view key, double otherwise) const {
  return has(key) ? (*this)[key].as_double() : otherwise;
}
std::string JsonView::get(std::string_view key, const std::string& otherwise) const {
  return has(key) ? (*this)[key].as_string() : otherwise;
}

}  // namespace espalier::io
