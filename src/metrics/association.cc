#include "espalier/metrics/association.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "espalier/base/error.h"

namespace espalier::metrics {
namespace {

using ClassCounts = std::vector<std::int64_t>;

// Chances below this, of the likeliest count's, change no digit.
constexpr double kNegligible = 1e-20;

double number(std::int64_t count) {
  return static_cast<double>(count);
}

// In nats.
double entropy(const ClassCounts& counts, double all) {
  double sum = 0;
  for (const std::int64_t count : counts) {
    if (count > 0) sum -= number(count) / all * std::log(number(count) / all);
  }
  return sum;
}

// The expected share in the mutual information of one cell, whose row and column have a and b of n things:
// the mean of k/n log(n k / (a b)) over the hypergeometric chances of k. They are taken relative to the
// likeliest k, from there outwards, each from the one before, and divided by their sum: of the
// factorials of the definition, whose logarithms are in the hundred millions, half the digits would cancel.
double expected_cell(double a, double b, double n) {
  const double low = std::max(0.0, a + b - n), high = std::min(a, b);
  const double likeliest = std::clamp(std::floor((a + 1) * (b + 1) / (n + 2)), low, high);
  double chances = 0, sum = 0;
  const auto add = [&](double k, double chance) {
    chances += chance;
    if (k > 0) sum += chance * k / n * std::log(n * k / (a * b));
  };
  double chance = 1;
  for (double k = likeliest; chance > kNegligible; ++k) {
    add(k, chance);
    if (k >= high) break;
    chance *= (a - k) * (b - k) / ((k + 1) * (n - a - b + k + 1));
  }
  chance = 1;
  for (double k = likeliest; k > low; --k) {
    chance *= k * (n - a - b + k) / ((a - k + 1) * (b - k + 1));
    if (chance <= kNegligible) break;
    add(k - 1, chance);
  }
  return sum / chances;
}

struct Margins {
  ClassCounts rows, columns;
  std::int64_t all = 0;
};

Margins margins_of(std::span<const std::int64_t> table, std::size_t columns) {
  Margins margins{ClassCounts(table.size() / columns), ClassCounts(columns)};
  for (std::size_t i = 0; i < table.size(); ++i) {
    margins.rows[i / columns] += table[i];
    margins.columns[i % columns] += table[i];
    margins.all += table[i];
  }
  return margins;
}

bool is_one_class(const ClassCounts& counts) {
  return std::count_if(counts.begin(), counts.end(), [](std::int64_t count) { return count > 0; }) <= 1;
}

}  // namespace

double pointwise_mutual_information(std::int64_t joint, std::int64_t x, std::int64_t y, std::int64_t all) {
  return std::log2(number(joint) * number(all) / (number(x) * number(y)));
}

double adjusted_mutual_information(std::span<const std::int64_t> table, std::size_t columns) {
  ESPALIER_CHECK(columns > 0 && table.size() % columns == 0);
  const Margins margins = margins_of(table, columns);
  const bool one_row = is_one_class(margins.rows), one_column = is_one_class(margins.columns);
  if (one_row || one_column) return one_row && one_column ? 1 : 0;
  const double n = number(margins.all);
  double found = 0, expected = 0;
  for (std::size_t i = 0; i < table.size(); ++i) {
    const double a = number(margins.rows[i / columns]), b = number(margins.columns[i % columns]);
    if (a == 0 || b == 0) continue;
    if (table[i] > 0) found += number(table[i]) / n * std::log(number(table[i]) * n / (a * b));
    expected += expected_cell(a, b, n);
  }
  const double most = (entropy(margins.rows, n) + entropy(margins.columns, n)) / 2;
  // As in scikit-learn: where chance alone gives all that there is, equal labellings are still 1.
  const double least = std::numeric_limits<double>::epsilon();
  const auto away_from_zero = [least](double x) { return x < 0 ? std::min(x, -least) : std::max(x, least); };
  return away_from_zero(found - expected) / away_from_zero(most - expected);
}

}  // namespace espalier::metrics
