// Values of rows over columns of time as shades of one colour, from nothing to `most`.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace espalier::report {

struct HeatPanel {
  std::string name;                       // "layer 3"
  std::vector<std::string> row_names;     // "level 0"
  std::vector<std::vector<double>> rows;  // [row][column]; what is not finite is left blank
};

struct HeatMap {
  std::string title;
  std::string unit = {};
  std::vector<double> tokens = {};  // of the columns
  std::vector<HeatPanel> panels = {};
  double most = 1;
  bool percent = false;
  std::string note = {};
};

// A figure; without panels or columns nothing.
std::string heat_map_html(const HeatMap& map);

// Which of `available` columns to draw so that there are at most about `cells` cells with `rows` rows, but
// `least` columns: the last, and others at equal distances.
std::vector<std::size_t> drawn_columns(std::size_t available, std::size_t rows, std::size_t cells,
                                       std::size_t least);

}  // namespace espalier::report
