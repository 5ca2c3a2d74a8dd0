#include "report/axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace espalier::report {
namespace {

// 1, 2 or 5 times a power of ten.
double round_step(double width) {
  const double power = std::pow(10.0, std::floor(std::log10(width)));
  const double digit = width / power;
  if (digit <= 1.0) return power;
  if (digit <= 2.0) return 2 * power;
  return digit <= 5.0 ? 5 * power : 10 * power;
}

}  // namespace

Axis Axis::linear(double low, double high, int marks, bool rounded) {
  Axis axis;
  // A constant, but for rounding, lies in the middle.
  if (!(high - low > 1e-9 * std::max(std::abs(low), std::abs(high)))) {
    const double room = low == 0 ? 1 : std::abs(low) / 2;
    low -= room;
    high += room;
  }
  const double step = round_step((high - low) / marks);
  axis.low_ = rounded ? std::floor(low / step + 1e-9) * step : low;
  axis.high_ = rounded ? std::ceil(high / step - 1e-9) * step : high;
  const double first = std::ceil(axis.low_ / step - 1e-9);
  for (int i = 0; i < marks + 4; ++i) {  // rounding adds at most one on either side
    const double mark = (first + i) * step;
    if (mark > axis.high_ + step * 1e-9) break;
    axis.marks_.push_back(mark + 0.0);  // no -0
  }
  return axis;
}

Axis Axis::logarithmic(double low, double high) {
  Axis axis;
  axis.logarithmic_ = true;
  axis.low_ = low * 0.95;
  axis.high_ = high * 1.05;
  const bool wide = high / low > 300;
  const auto exponent_of = [](double value) { return static_cast<int>(std::floor(std::log10(value))); };
  for (int exponent = exponent_of(low); exponent <= exponent_of(high) + 1; ++exponent) {
    const double power = std::pow(10.0, exponent);
    for (const double digit : {1.0, 2.0, 5.0}) {
      const double mark = digit * power;
      if (mark >= axis.low_ && mark <= axis.high_ && (digit == 1.0 || !wide)) axis.marks_.push_back(mark);
    }
  }
  return axis;
}

double Axis::place(double value) const {
  if (logarithmic_) return std::log(value / low_) / std::log(high_ / low_);
  return (value - low_) / (high_ - low_);
}

std::string Axis::label(double mark) const {
  const double size = std::max(std::abs(low_), std::abs(high_));
  if (logarithmic_ || size < 1e4) return fmt::format("{:.6g}", mark);
  if (mark == 0) return "0";
  if (size < 1e6) return fmt::format("{:.6g} k", mark / 1e3);
  if (size < 1e9) return fmt::format("{:.6g} M", mark / 1e6);
  return fmt::format("{:.6g} G", mark / 1e9);
}

}  // namespace espalier::report
