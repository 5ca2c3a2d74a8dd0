// Curves over an axis, as SVG that needs no script: numbers under the pointer are shown by CSS.
#pragma once

#include <string>
#include <vector>

#include "report/curve.h"
#include "report/detail.h"

namespace espalier::report {

// What lies to the right.
enum class Horizontal { kTokens, kEpochs, kTime };
std::string horizontal_name(Horizontal horizontal);

// The name of a series that is alone in its chart.
inline constexpr const char* kOnly = "value";

enum class Stroke { kLine, kFaint, kDashed, kDotted };

struct Series {
  std::string name;        // one that is empty is neither in the legend nor under the pointer
  std::size_t colour = 0;  // markup.h; one past the palette is dashed besides
  Stroke stroke = Stroke::kLine;
  std::vector<Sample> samples = {};
  bool dots = false;  // also a dot for every sample
};

// Of a fine page: stretches of a curve, and places where numbers can be pointed at.
inline constexpr std::size_t kCurveStretches = 1024, kReadoutColumns = 48, kLeastReadoutColumns = 6;

struct LineChart {
  std::string title;
  std::string unit = {};  // of the values: "nats"; empty where they have none
  std::vector<Series> series = {};
  bool logarithmic = false;  // if all values are above 0
  bool from_zero = false;
  std::string note = {};
};

// A figure. Where there is no sample: nothing.
std::string line_chart_html(const LineChart& chart, Horizontal horizontal, const Detail& detail);
// Twice: over progress and over time, of which the page shows one and the printer both.
std::string line_chart_twice(const LineChart& chart, Horizontal progress, const Detail& detail);

// "a swatch and a name" for every series that has one.
std::string legend_html(const std::vector<Series>& series);

}  // namespace espalier::report
