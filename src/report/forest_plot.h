// Scores with their intervals, a row each, on one axis.
#pragma once

#include <limits>
#include <string>
#include <vector>

namespace espalier::report {

struct ForestMark {
  std::string name;
  double value = 0;
  double low = std::numeric_limits<double>::quiet_NaN(), high = low;  // NaN: no interval is known
  std::size_t colour = 0;                                             // markup.h
  bool hollow = false;
};

// What others have printed: a stroke each.
struct ForestReference {
  std::string name;
  double value = 0;
};

struct ForestRow {
  std::string name;
  std::vector<ForestMark> marks = {};  // those that are not finite are left out
  std::vector<ForestReference> references = {};
};

struct ForestPlot {
  std::string title, unit, note;
  std::vector<ForestRow> rows = {};
};

// A figure; without rows nothing.
std::string forest_plot_html(const ForestPlot& plot);

}  // namespace espalier::report
