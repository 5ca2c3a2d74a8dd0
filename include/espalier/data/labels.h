// The classes of a task, by name. Names that are numbers are compared by value: 1 and 1.0 are one class.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace espalier::data {

class LabelSet {
 public:
  LabelSet() = default;
  // Class i is names[i]; names differ.
  explicit LabelSet(std::vector<std::string> names);
  // The labels of a training file in order: by value if all are numbers ("2" before "10"), else by byte. Of a
  // number written in several ways the shortest is the class's name.
  static LabelSet discovered(const std::set<std::string>& labels);

  std::int32_t size() const { return static_cast<std::int32_t>(names_.size()); }
  const std::vector<std::string>& names() const { return names_; }
  const std::string& name(std::int32_t label) const { return names_.at(static_cast<std::size_t>(label)); }
  // By spelling, then by value; -1 if there is no such class.
  std::int32_t find(std::string_view name) const;
  // The names for a message, shortened if many.
  std::string listed() const;

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::int32_t> by_name_;
  std::unordered_map<std::string, std::int32_t> by_value_;  // of the names that are numbers
};

// A finite decimal number, the whole of `text`; false for anything else, "nan" and "1e999" included.
bool parse_number(std::string_view text, double& value);

}  // namespace espalier::data
