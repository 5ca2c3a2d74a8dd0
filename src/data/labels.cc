#include "espalier/data/labels.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <utility>

#include "base/joined.h"
#include "data/number_key.h"
#include "espalier/base/error.h"

namespace espalier::data {

LabelSet::LabelSet(std::vector<std::string> names) : names_(std::move(names)) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const bool inserted = by_name_.emplace(names_[i], static_cast<std::int32_t>(i)).second;
    ESPALIER_CHECK(inserted);
  }
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const std::string key = number_key(names_[i]);
    if (key.empty()) continue;
    // Models from elsewhere may have 1 and 1.0 as two classes, which go by spelling.
    by_value_.emplace(key, static_cast<std::int32_t>(i));
  }
}

namespace {

// One name for each number, the shortest; of those with equal length the first by byte. What is no number
// stays as it is: a single `unknown` among numbers must not make two classes of 1 and 1.0.
std::set<std::string> one_name_each(const std::set<std::string>& labels) {
  std::map<std::string, std::string> names;
  std::set<std::string> result;
  for (const std::string& label : labels) {
    const std::string key = number_key(label);
    if (key.empty()) {
      result.insert(label);
      continue;
    }
    std::string& name = names[key];
    if (name.empty() || label.size() < name.size()) name = label;
  }
  for (const auto& [key, name] : names) result.insert(name);
  return result;
}

}  // namespace

LabelSet LabelSet::discovered(const std::set<std::string>& labels) {
  std::vector<std::pair<double, std::string>> order;
  bool all_numbers = true;
  for (const std::string& label : one_name_each(labels)) {
    double value = 0;
    all_numbers = parse_number(label, value) && all_numbers;
    order.emplace_back(value, label);
  }
  // A set is sorted by byte already; numbers that are equal as doubles stay in that order.
  const auto by_value = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (all_numbers) std::stable_sort(order.begin(), order.end(), by_value);
  std::vector<std::string> names;
  for (const auto& [value, label] : order) names.push_back(label);
  return LabelSet(std::move(names));
}

std::int32_t LabelSet::find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  if (found != by_name_.end()) return found->second;
  if (by_value_.empty()) return -1;
  const auto equal = by_value_.find(number_key(name));
  return equal == by_value_.end() ? -1 : equal->second;
}

std::string LabelSet::listed() const {
  return espalier::listed(names_, 30);
}

bool parse_number(std::string_view text, double& value) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

}  // namespace espalier::data
