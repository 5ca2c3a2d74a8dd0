#include "espalier/data/labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "data/joined.h"
#include "espalier/base/error.h"

namespace espalier::data {

LabelSet::LabelSet(std::vector<std::string> names) : names_(std::move(names)) {
  for (std::size_t i = 0; i < names_.size(); ++i) {
    const bool inserted = by_name_.emplace(names_[i], static_cast<std::int32_t>(i)).second;
    ESPALIER_CHECK(inserted);
  }
}

LabelSet LabelSet::discovered(const std::set<std::string>& labels) {
  std::vector<std::pair<double, std::string>> order;
  bool all_numbers = true;
  for (const std::string& label : labels) {
    double value = 0;
    all_numbers = parse_number(label, value) && all_numbers;
    order.emplace_back(value, label);
  }
  // A set is sorted by byte already; equal numbers written differently ("1", "1.0") stay in that order.
  const auto by_value = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (all_numbers) std::stable_sort(order.begin(), order.end(), by_value);
  std::vector<std::string> names;
  for (const auto& [value, label] : order) names.push_back(label);
  return LabelSet(std::move(names));
}

std::int32_t LabelSet::find(std::string_view name) const {
  const auto found = by_name_.find(std::string(name));
  return found == by_name_.end() ? -1 : found->second;
}

std::string LabelSet::listed() const {
  constexpr std::size_t kMost = 30;
  if (names_.size() <= kMost) return joined(names_);
  const std::vector<std::string> first(names_.begin(), names_.begin() + kMost);
  return fmt::format("{} and {} more", joined(first), names_.size() - kMost);
}

bool parse_number(std::string_view text, double& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && std::isfinite(value);
}

}  // namespace espalier::data
