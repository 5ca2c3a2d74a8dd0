// Where values lie along a side of a drawing.
#pragma once

#include <string>
#include <vector>

namespace espalier::report {

class Axis {
 public:
  // From `low` to `high`, or, if `rounded`, to round numbers beside them; about `marks` marks.
  static Axis linear(double low, double high, int marks, bool rounded);
  // 0 < low <= high.
  static Axis logarithmic(double low, double high);

  double low() const { return low_; }
  double high() const { return high_; }
  // 0 at `low`, 1 at `high`.
  double place(double value) const;
  const std::vector<double>& marks() const { return marks_; }
  // All with the same unit: "0.5 M" and "1 M".
  std::string label(double mark) const;

 private:
  double low_ = 0, high_ = 1;
  bool logarithmic_ = false;
  std::vector<double> marks_;
};

}  // namespace espalier::report
