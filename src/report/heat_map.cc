#include "report/heat_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/markup.h"

namespace espalier::report {
namespace {

constexpr double kMapWidth = 400, kMapLeft = 52, kMapPlot = 334, kPanelGap = 8;

std::string value_text(const HeatMap& map, double value) {
  return map.percent ? percent_text(value) : fixed_text(value, 3);
}

double cell_height(const HeatPanel& panel) {
  return std::clamp(56.0 / static_cast<double>(std::max<std::size_t>(panel.rows.size(), 1)), 5.0, 14.0);
}

std::string panel_cells(const HeatMap& map, const HeatPanel& panel, double top) {
  const double width = kMapPlot / static_cast<double>(map.tokens.size()), height = cell_height(panel);
  std::string svg;
  for (std::size_t row = 0; row < panel.rows.size(); ++row) {
    const double y = top + static_cast<double>(row) * height;
    for (std::size_t column = 0; column < map.tokens.size(); ++column) {
      const double value = panel.rows[row][column];
      if (!std::isfinite(value)) continue;
      const std::string place =
          panel.row_names[row].empty() ? panel.name : panel.name + ", " + panel.row_names[row];
      svg += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill-opacity=\"{:.2f}\">"
          "<title>{}, {} tokens: {}</title></rect>",
          kMapLeft + static_cast<double>(column) * width, y, width + 0.2, height + 0.1,
          std::clamp(value / map.most, 0.0, 1.0), escaped(place), number_text(map.tokens[column]),
          value_text(map, value));
    }
    svg += "\n";
  }
  return svg;
}

std::string panel_frame(const HeatPanel& panel, double top) {
  const double height = cell_height(panel) * static_cast<double>(panel.rows.size());
  return fmt::format(
      "<rect class=\"frame\" x=\"{0}\" y=\"{1:.1f}\" width=\"{2}\" height=\"{3:.1f}\"/>"
      "<text class=\"e\" x=\"{4}\" y=\"{5:.1f}\">{6}</text>\n",
      kMapLeft, top, kMapPlot, height, kMapLeft - 6, top + height / 2 + 4, escaped(panel.name));
}

std::string bottom_labels(const HeatMap& map, double top) {
  std::string svg;
  const std::size_t last = map.tokens.size() - 1;
  const auto label = [&](std::size_t column, const char* anchor, double x) {
    svg += fmt::format("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>", anchor, x, top + 12,
                       number_text(map.tokens[column]));
  };
  label(0, "b", kMapLeft);
  if (last > 0) label(last, "e", kMapLeft + kMapPlot);
  return svg + fmt::format("<text class=\"m t\" x=\"{}\" y=\"{:.1f}\">tokens</text>\n",
                           kMapLeft + kMapPlot / 2, top + 12);
}

std::string scale_legend(const HeatMap& map) {
  std::string svg = "<svg class=\"scale\" viewBox=\"0 0 100 10\"><g class=\"heat\">";
  for (int i = 0; i < 20; ++i) {
    svg += fmt::format("<rect x=\"{}\" y=\"0\" width=\"5.1\" height=\"10\" fill-opacity=\"{:.2f}\"/>", i * 5,
                       i / 19.0);
  }
  const std::string most =
      map.percent ? fmt::format("{:.4g} %", 100 * map.most) : fmt::format("{:.3g}", map.most);
  return fmt::format("<span>0</span> {}</g></svg> <span>{}</span>", svg, most);
}

}  // namespace

std::string heat_map_html(const HeatMap& map) {
  if (map.panels.empty() || map.tokens.empty()) return "";
  double top = 4;
  std::string cells = "<g class=\"heat\">", frames;
  for (const HeatPanel& panel : map.panels) {
    cells += panel_cells(map, panel, top);
    frames += panel_frame(panel, top);
    top += cell_height(panel) * static_cast<double>(panel.rows.size()) + kPanelGap;
  }
  std::string svg =
      fmt::format("<svg class=\"chart\" viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"{}\">\n",
                  kMapWidth, top + 14, escaped(map.title));
  svg += cells + "</g>\n" + frames + bottom_labels(map, top) + "</svg>\n";
  return figure_html({map.title, map.unit, scale_legend(map), svg, map.note});
}

std::vector<std::size_t> drawn_columns(std::size_t available, std::size_t rows, std::size_t cells,
                                       std::size_t least) {
  const std::size_t most = std::clamp<std::size_t>(cells / std::max<std::size_t>(rows, 1), least, 98);
  std::vector<std::size_t> columns;
  if (available <= most) {
    for (std::size_t i = 0; i < available; ++i) columns.push_back(i);
    return columns;
  }
  for (std::size_t i = 0; i < most; ++i) columns.push_back(i * (available - 1) / (most - 1));
  return columns;
}

}  // namespace espalier::report
