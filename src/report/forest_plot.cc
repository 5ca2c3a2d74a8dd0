#include "report/forest_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "report/axis.h"
#include "report/markup.h"

namespace espalier::report {
namespace {

constexpr double kForestWidth = 400, kForestLeft = 84, kForestRight = 12, kMarkHeight = 13, kRowGap = 10;
constexpr double kForestPlot = kForestWidth - kForestLeft - kForestRight;

Axis forest_axis(const ForestPlot& plot) {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  const auto see = [&](double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  };
  for (const ForestRow& row : plot.rows) {
    for (const ForestMark& mark : row.marks) {
      see(mark.value);
      see(mark.low);
      see(mark.high);
    }
    for (const ForestReference& reference : row.references) see(reference.value);
  }
  return std::isfinite(low) ? Axis::linear(low, high, 6, true) : Axis::linear(0, 1, 4, true);
}

double place_on(const Axis& axis, double value) {
  return kForestLeft + kForestPlot * axis.place(value);
}

double height_of(const ForestRow& row) {
  return kMarkHeight * static_cast<double>(std::max<std::size_t>(row.marks.size(), 1));
}

std::string mark_svg(const ForestMark& mark, const Axis& axis, double y, const std::string& row) {
  if (!std::isfinite(mark.value)) return "";
  const bool interval = std::isfinite(mark.low) && std::isfinite(mark.high);
  std::string text = fmt::format("{}, {}: {:.1f}", row, mark.name, mark.value);
  std::string svg;
  if (interval) {
    text += fmt::format(" [{:.1f}, {:.1f}]", mark.low, mark.high);
    svg = fmt::format("<path class=\"s c{}\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", mark.colour,
                      place_on(axis, mark.low), y, place_on(axis, mark.high));
  }
  return fmt::format(
      "<g>{}<circle class=\"c{}{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"/><title>{}</title></g>\n", svg,
      mark.colour, mark.hollow ? " hollow" : "", place_on(axis, mark.value), y, escaped(text));
}

std::string row_svg(const ForestRow& row, const Axis& axis, double top) {
  const double height = height_of(row);
  std::string svg = fmt::format("<text class=\"e\" x=\"{}\" y=\"{:.1f}\">{}</text>", kForestLeft - 8,
                                top + height / 2 + 4, escaped(row.name));
  svg += fmt::format("<path class=\"grid\" d=\"M{} {:.1f}H{}\"/>\n", kForestLeft, top + height + kRowGap / 2,
                     kForestWidth - kForestRight);
  for (const ForestReference& reference : row.references) {
    svg += fmt::format("<path class=\"ref\" d=\"M{:.1f} {:.1f}v{:.1f}\"><title>{}, {}: {:.1f}</title></path>",
                       place_on(axis, reference.value), top - 1, height + 2, escaped(row.name),
                       escaped(reference.name), reference.value);
  }
  for (std::size_t i = 0; i < row.marks.size(); ++i) {
    svg += mark_svg(row.marks[i], axis, top + kMarkHeight * (static_cast<double>(i) + 0.5), row.name);
  }
  return svg;
}

// A dot and a name for every mark that a row has, and one stroke for what others have printed.
std::string forest_legend(const ForestPlot& plot) {
  std::string html;
  std::set<std::string> seen;
  bool references = false;
  for (const ForestRow& row : plot.rows) {
    references = references || !row.references.empty();
    for (const ForestMark& mark : row.marks) {
      if (!seen.insert(mark.name).second) continue;
      html += fmt::format(
          "<span><svg class=\"swatch\" viewBox=\"0 0 22 10\"><circle class=\"c{}{}\" cx=\"11\" cy=\"5\" "
          "r=\"4\"/></svg>{}</span> ",
          mark.colour, mark.hollow ? " hollow" : "", escaped(mark.name));
    }
  }
  if (references) {
    html +=
        "<span><svg class=\"swatch\" viewBox=\"0 0 22 10\"><path class=\"ref\" d=\"M11 "
        "0v10\"/></svg>published "
        "models</span>";
  }
  return html;
}

}  // namespace

std::string forest_plot_html(const ForestPlot& plot) {
  if (plot.rows.empty()) return "";
  const Axis axis = forest_axis(plot);
  double top = 8;
  std::string rows;
  for (const ForestRow& row : plot.rows) {
    rows += row_svg(row, axis, top);
    top += height_of(row) + kRowGap;
  }
  std::string marks;
  for (const double mark : axis.marks()) {
    const double x = place_on(axis, mark);
    marks += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} 4V{1:.1f}\"/><text class=\"m\" x=\"{0:.1f}\" "
        "y=\"{2:.1f}\">{3}</text>",
        x, top, top + 14, axis.label(mark));
  }
  const std::string svg = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"{}\">\n{}{}</svg>\n",
      kForestWidth, top + 22, escaped(plot.title), marks, rows);
  return figure_html({plot.title, plot.unit, forest_legend(plot), svg, plot.note});
}

}  // namespace espalier::report
