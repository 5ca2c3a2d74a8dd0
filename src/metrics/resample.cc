#include "metrics/resample.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace espalier::metrics {
namespace {

template <class Element>
std::vector<Element> picked_elements(const std::vector<Element>& from,
                                     const std::vector<std::uint32_t>& rows) {
  std::vector<Element> result;
  if (from.empty()) return result;
  result.reserve(rows.size());
  for (const std::uint32_t row : rows) result.push_back(from[row]);
  return result;
}

// `sorted` is not empty; 0 <= level <= 1.
double quantile(const std::vector<double>& sorted, double level) {
  const double position = level * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (position - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

}  // namespace

std::vector<std::uint32_t> draw_rows(const Philox& random, std::uint32_t count) {
  std::vector<std::uint32_t> rows;
  rows.reserve(count + 4);
  for (std::uint64_t index = 0; rows.size() < count; ++index) {
    for (const std::uint32_t word : random.words(index)) {
      rows.push_back(static_cast<std::uint32_t>((static_cast<std::uint64_t>(word) * count) >> 32));
    }
  }
  rows.resize(count);
  return rows;
}

Predictions picked(const Predictions& from, const std::vector<std::uint32_t>& rows) {
  return {picked_elements(from.true_classes, rows), picked_elements(from.classes, rows),
          picked_elements(from.true_values, rows), picked_elements(from.values, rows)};
}

int sort_finite(std::vector<double>& values) {
  const auto undefined =
      std::partition(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
  const auto count = static_cast<int>(values.end() - undefined);
  values.erase(undefined, values.end());
  std::sort(values.begin(), values.end());
  return count;
}

Interval percentile_interval(const std::vector<double>& sorted, double confidence) {
  if (sorted.empty()) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return {nan, nan};
  }
  return {quantile(sorted, (1 - confidence) / 2), quantile(sorted, (1 + confidence) / 2)};
}

}  // namespace espalier::metrics
