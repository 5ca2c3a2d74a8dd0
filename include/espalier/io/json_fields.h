// One list of fields per result struct, as configurations have one (config/fields.h). The list drives both
// writing the struct as JSON and reading it back, so that no key is spelled twice:
//
//     void describe(Spread& spread, io::JsonFields& fields) {
//       fields.add("median", spread.median);
//       fields.add("warnings", spread.warnings);
//     }
//     const io::Json json = io::to_json(spread);
//     const auto again = io::from_json<Spread>(io::JsonView(json, "results.json"));
#pragma once

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "espalier/io/json.h"

namespace espalier::io {

// An object whose keys are data, in their order.
template <class T>
using Named = std::vector<std::pair<std::string, T>>;

// How a type looks in JSON: a struct is the object that its describe() lists.
template <class T>
struct JsonForm;

template <class T>
Json to_json(const T& value) {
  return JsonForm<T>::write(value);
}

// InputError that names the place for a key that is missing or of the wrong type. Keys that are not listed
// are passed over. Where the names of keys are data, `value` has them.
template <class T>
T from_json(const JsonView& view, T value = {}) {
  JsonForm<T>::read(view, value);
  return value;
}

// A file of one document.
template <class T>
T read_record(const std::filesystem::path& path) {
  const Json json = read_json(path);
  return from_json<T>(JsonView(json, path.string()));
}

class JsonFields {
 public:
  explicit JsonFields(Json& written) : written_(&written) {}
  explicit JsonFields(const JsonView& read) : read_(&read) {}

  // The same object, `prefix` before every key.
  JsonFields with_prefix(const std::string& prefix) const {
    JsonFields fields = *this;
    fields.prefix_ += prefix;
    return fields;
  }

  // A key that is always there.
  template <class T>
  void add(const std::string& key, T& value) {
    if (written_ != nullptr) {
      (*written_)[prefix_ + key] = JsonForm<T>::write(value);
    } else {
      JsonForm<T>::read(read_->nullable(prefix_ + key), value);
    }
  }
  // A key that is there unless the value (a list, map or optional) is empty.
  template <class T>
  void add_unless_empty(const std::string& key, T& value) {
    if (written_ != nullptr ? !is_empty(value) : read_->has(prefix_ + key)) add(key, value);
  }

 private:
  template <class T>
  static bool is_empty(const T& value) {
    if constexpr (requires { value.has_value(); }) {
      return !value.has_value();
    } else {
      return value.empty();
    }
  }

  Json* written_ = nullptr;
  const JsonView* read_ = nullptr;
  std::string prefix_;
};

template <class T>
struct JsonForm {
  static Json write(const T& value) {
    Json json = Json::object();
    JsonFields fields(json);
    T copy = value;
    describe(copy, fields);
    return json;
  }
  static void read(const JsonView& view, T& value) {
    view.expect_object();
    JsonFields fields(view);
    describe(value, fields);
  }
};

template <>
struct JsonForm<bool> {
  static Json write(bool value) { return value; }
  static void read(const JsonView& view, bool& value) { value = view.as_bool(); }
};

template <>
struct JsonForm<std::int64_t> {
  static Json write(std::int64_t value) { return value; }
  static void read(const JsonView& view, std::int64_t& value) { value = view.as_int(); }
};

template <>
struct JsonForm<std::uint64_t> {
  static Json write(std::uint64_t value) { return value; }
  static void read(const JsonView& view, std::uint64_t& value) { value = view.as_uint64(); }
};

// A number that is not finite is null. Null is read only into a variable that holds such a number, as its
// default, and leaves it there.
template <>
struct JsonForm<double> {
  static Json write(double value) { return finite_or_null(value); }
  static void read(const JsonView& view, double& value) {
    if (!view.json().is_null() || std::isfinite(value)) value = view.as_double();
  }
};

// A part that is carried along as it is.
template <>
struct JsonForm<Json> {
  static Json write(const Json& value) { return value; }
  static void read(const JsonView& view, Json& value) { value = view.json(); }
};

template <>
struct JsonForm<std::string> {
  static Json write(const std::string& value) { return value; }
  static void read(const JsonView& view, std::string& value) { value = view.as_string(); }
};

// Null where there is none.
template <class T>
struct JsonForm<std::optional<T>> {
  static Json write(const std::optional<T>& value) { return value ? to_json(*value) : Json(); }
  static void read(const JsonView& view, std::optional<T>& value) {
    value = view.json().is_null() ? std::nullopt : std::optional<T>(from_json<T>(view));
  }
};

template <class T>
struct JsonForm<std::vector<T>> {
  static Json write(const std::vector<T>& values) {
    Json json = Json::array();
    for (const T& value : values) json.push_back(to_json(value));
    return json;
  }
  static void read(const JsonView& view, std::vector<T>& values) {
    view.expect_array();
    values.clear();
    for (std::size_t i = 0; i < view.size(); ++i) values.push_back(from_json<T>(view.at(i)));
  }
};

template <class T>
struct JsonForm<Named<T>> {
  static Json write(const Named<T>& values) {
    Json json = Json::object();
    for (const auto& [name, value] : values) json[name] = to_json(value);
    return json;
  }
  static void read(const JsonView& view, Named<T>& values) {
    values.clear();
    for (const std::string& name : view.keys()) {
      values.emplace_back(name, from_json<T>(view.nullable(name)));
    }
  }
};

template <>
struct JsonForm<std::map<std::string, std::string>> {
  using Texts = std::map<std::string, std::string>;
  static Json write(const Texts& texts) { return texts; }
  static void read(const JsonView& view, Texts& texts) {
    texts.clear();
    for (const std::string& name : view.keys()) texts[name] = view[name].as_string();
  }
};

}  // namespace espalier::io
