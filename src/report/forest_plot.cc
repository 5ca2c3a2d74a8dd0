#include "report/forest_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "report/axis.h"
#include "report/markup.h"
#include "text/utf8.h"

namespace espalier::report {
namespace {

constexpr double kForestWidth = 400, kForestRight = 12, kMarkHeight = 13, kRowGap = 10;
constexpr double kLabelGap = 8, kCharacter = 5.9;  // of the page's letters, on average
constexpr std::size_t kLongestName = 32;           // what leaves the plot half of the figure

// Names come from files that may be of anybody; whole they stand in the titles of the marks.
std::string row_label(const ForestRow& row) {
  return text::shortened(row.name, kLongestName);
}

struct ForestFrame {
  Axis axis;
  double left;

  double place(double value) const { return left + (kForestWidth - kForestRight - left) * axis.place(value); }
};

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

// The labels fit beside the plot.
double left_of(const ForestPlot& plot) {
  std::size_t longest = 12;
  for (const ForestRow& row : plot.rows) longest = std::max(longest, text::count_code_points(row_label(row)));
  return kLabelGap + kCharacter * static_cast<double>(longest);
}

double height_of(const ForestRow& row) {
  return kMarkHeight * static_cast<double>(std::max<std::size_t>(row.marks.size(), 1));
}

std::string mark_svg(const ForestMark& mark, const ForestFrame& frame, double y, const std::string& row) {
  if (!std::isfinite(mark.value)) return "";
  const bool interval = std::isfinite(mark.low) && std::isfinite(mark.high);
  std::string text = fmt::format("{}, {}: {:.1f}", row, mark.name, mark.value);
  std::string svg;
  if (interval) {
    text += fmt::format(" [{:.1f}, {:.1f}]", mark.low, mark.high);
    svg = fmt::format("<path class=\"s {}\" d=\"M{:.1f} {:.1f}H{:.1f}\"/>", colour_class(mark.colour),
                      frame.place(mark.low), y, frame.place(mark.high));
  }
  return fmt::format(
      "<g>{}<circle class=\"{}{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\"/><title>{}</title></g>\n", svg,
      colour_class(mark.colour), mark.hollow ? " hollow" : "", frame.place(mark.value), y, escaped(text));
}

std::string row_svg(const ForestRow& row, const ForestFrame& frame, double top) {
  const double height = height_of(row);
  std::string svg = fmt::format("<text class=\"e\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>",
                                frame.left - kLabelGap, top + height / 2 + 4, escaped(row_label(row)));
  svg += fmt::format("<path class=\"grid\" d=\"M{:.1f} {:.1f}H{}\"/>\n", frame.left,
                     top + height + kRowGap / 2, kForestWidth - kForestRight);
  for (const ForestReference& reference : row.references) {
    svg += fmt::format("<path class=\"ref\" d=\"M{:.1f} {:.1f}v{:.1f}\"><title>{}, {}: {:.1f}</title></path>",
                       frame.place(reference.value), top - 1, height + 2, escaped(row.name),
                       escaped(reference.name), reference.value);
  }
  for (std::size_t i = 0; i < row.marks.size(); ++i) {
    svg += mark_svg(row.marks[i], frame, top + kMarkHeight * (static_cast<double>(i) + 0.5), row.name);
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
          "<span><svg class=\"swatch\" viewBox=\"0 0 22 10\"><circle class=\"{}{}\" cx=\"11\" cy=\"5\" "
          "r=\"4\"/></svg>{}</span> ",
          colour_class(mark.colour), mark.hollow ? " hollow" : "", escaped(mark.name));
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
  const ForestFrame frame{forest_axis(plot), left_of(plot)};
  double top = 8;
  std::string rows;
  for (const ForestRow& row : plot.rows) {
    rows += row_svg(row, frame, top);
    top += height_of(row) + kRowGap;
  }
  std::string marks;
  for (const double mark : frame.axis.marks()) {
    const double x = frame.place(mark);
    marks += fmt::format(
        "<path class=\"grid\" d=\"M{0:.1f} 4V{1:.1f}\"/><text class=\"m\" x=\"{0:.1f}\" "
        "y=\"{2:.1f}\">{3}</text>",
        x, top, top + 14, frame.axis.label(mark));
  }
  const std::string svg = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"{}\">\n{}{}</svg>\n",
      kForestWidth, top + 22, escaped(plot.title), marks, rows);
  return figure_html({plot.title, plot.unit, forest_legend(plot), svg, plot.note});
}

}  // namespace espalier::report
