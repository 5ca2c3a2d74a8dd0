// One curve of every run, over each other.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "report/curve.h"
#include "report/detail.h"
#include "report/line_chart.h"

namespace espalier::report {

inline constexpr std::size_t kMeans = 100;  // of a curve that jumps from line to line

std::vector<Sample> scaled(std::vector<Sample> samples, double factor);

// Of a run that is `alone` the samples faintly behind the means, of several the means alone.
void add_noisy(const Curve& curve, const std::string& name, std::size_t colour, bool alone, double factor,
               LineChart& chart);

template <class Run>
struct RunChart {
  LineChart chart;  // without its series
  const Curve& (*curve)(const Run&);
  double factor = 1;
  bool noisy = false, dots = false;
};

template <class Run>
std::string run_chart_html(const RunChart<Run>& what, const std::vector<Run>& runs, Horizontal progress,
                           const Detail& detail) {
  LineChart chart = what.chart;
  const bool alone = runs.size() == 1;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const Curve& curve = what.curve(runs[i]);
    const std::string name = alone ? "" : runs[i].run.label;
    if (what.noisy) {
      add_noisy(curve, name, i, alone, what.factor, chart);
    } else {
      chart.series.push_back(
          {alone ? kOnly : name, i, Stroke::kLine, scaled(curve.samples(), what.factor), what.dots});
    }
  }
  return line_chart_twice(chart, progress, detail);
}

}  // namespace espalier::report
