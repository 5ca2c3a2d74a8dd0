#include "report/line_chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "report/axis.h"
#include "report/markup.h"
#include "text/utf8.h"

namespace espalier::report {
namespace {

// The drawing's own units; a figure is about as many pixels wide.
constexpr double kWidth = 400, kHeight = 212, kLeft = 52, kRight = 14, kTop = 10, kBottom = 40;
constexpr double kPlotWidth = kWidth - kLeft - kRight, kPlotHeight = kHeight - kTop - kBottom;
constexpr std::size_t kReadoutLines = 12;  // of numbers, that a drawing has room for

struct TimeUnit {
  double seconds;
  const char* name;
};

TimeUnit time_unit(double seconds) {
  if (seconds < 300) return {1, "s"};
  if (seconds < 3 * 3600) return {60, "min"};
  return seconds < 3 * 86400 ? TimeUnit{3600, "h"} : TimeUnit{86400, "days"};
}

double position_of(const Sample& sample, Horizontal horizontal) {
  return horizontal == Horizontal::kTime ? sample.seconds : sample.progress;
}

struct Frame {
  Horizontal horizontal;
  double x_unit = 1;
  std::string x_label;
  Axis x, y;

  double left(const Sample& sample) const {
    return kLeft + kPlotWidth * x.place(position_of(sample, horizontal) / x_unit);
  }
  double top(double value) const { return kTop + kPlotHeight * (1 - y.place(value)); }
};

Frame frame_of(const LineChart& chart, Horizontal horizontal) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  double x_low = kInfinity, x_high = -kInfinity, low = kInfinity, high = -kInfinity;
  for (const Series& series : chart.series) {
    for (const Sample& sample : series.samples) {
      x_low = std::min(x_low, position_of(sample, horizontal));
      x_high = std::max(x_high, position_of(sample, horizontal));
      low = std::min(low, sample.value);
      high = std::max(high, sample.value);
    }
  }
  // From the beginning of the training, unless that is far to the left.
  if (x_low > 0 && x_low < x_high / 4) x_low = 0;
  Frame frame{horizontal, 1, horizontal_name(horizontal), {}, {}};
  if (horizontal == Horizontal::kTime) {
    const TimeUnit unit = time_unit(x_high);
    frame.x_unit = unit.seconds;
    frame.x_label += fmt::format(", {}", unit.name);
  }
  frame.x = Axis::linear(x_low / frame.x_unit, x_high / frame.x_unit, 5, false);
  if (chart.from_zero) low = std::min(low, 0.0);
  frame.y = chart.logarithmic && low > 0 && high / low > 8 ? Axis::logarithmic(low, high)
                                                           : Axis::linear(low, high, 4, true);
  return frame;
}

std::string grid(const Frame& frame) {
  std::string svg;
  for (const double mark : frame.y.marks()) {
    const double y = frame.top(mark);
    svg += fmt::format(
        "<path class=\"grid\" d=\"M{} {:.1f}H{}\"/><text x=\"{}\" y=\"{:.1f}\" class=\"e\">{}</text>", kLeft,
        y, kWidth - kRight, kLeft - 6, y + 3.5, frame.y.label(mark));
  }
  for (const double mark : frame.x.marks()) {
    const double x = kLeft + kPlotWidth * frame.x.place(mark);
    svg += fmt::format(
        "<path class=\"tick\" d=\"M{:.1f} {}v4\"/><text x=\"{:.1f}\" y=\"{}\" class=\"m\">{}</text>", x,
        kHeight - kBottom, x, kHeight - kBottom + 16, frame.x.label(mark));
  }
  svg += fmt::format("<path class=\"axis\" d=\"M{} {}H{}\"/>", kLeft, kHeight - kBottom, kWidth - kRight);
  svg += fmt::format("<text x=\"{}\" y=\"{}\" class=\"m t\">{}</text>", kLeft + kPlotWidth / 2, kHeight - 6,
                     escaped(frame.x_label));
  return svg + "\n";
}

const char* stroke_class(Stroke stroke) {
  switch (stroke) {
    case Stroke::kFaint:
      return " faint";
    case Stroke::kDashed:
      return " dash";
    case Stroke::kDotted:
      return " dot";
    case Stroke::kLine:
      break;
  }
  return "";
}

std::string curve_path(const Series& series, const Frame& frame) {
  if (series.samples.empty()) return "";
  std::string path, dots;
  for (const Sample& sample : series.samples) {
    const double x = frame.left(sample), y = frame.top(sample.value);
    path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", x, y);
    if (series.dots) dots += fmt::format("M{:.1f} {:.1f}h0", x, y);
  }
  // A curve of one sample is a dot.
  if (series.samples.size() == 1) dots = path + "h0";
  std::string svg = fmt::format("<path class=\"s {}{}\"{} d=\"{}\"/>", colour_class(series.colour),
                                stroke_class(series.stroke), dash_attribute(series.colour), path);
  if (!dots.empty()) svg += fmt::format("<path class=\"p {}\" d=\"{}\"/>", colour_class(series.colour), dots);
  return svg + "\n";
}

const Sample& nearest(const Series& series, double position, Horizontal horizontal) {
  const auto after =
      std::lower_bound(series.samples.begin(), series.samples.end(), position,
                       [&](const Sample& sample, double x) { return position_of(sample, horizontal) < x; });
  if (after == series.samples.begin()) return *after;
  const Sample& before = *std::prev(after);
  if (after == series.samples.end()) return before;
  const bool first = position - position_of(before, horizontal) < position_of(*after, horizontal) - position;
  return first ? before : *after;
}

std::string position_text(double position, Horizontal horizontal) {
  switch (horizontal) {
    case Horizontal::kTokens:
      return number_text(position) + " tokens";
    case Horizontal::kEpochs:
      return fmt::format("epoch {:.2f}", position);
    case Horizontal::kTime:
      break;
  }
  return duration_text(position);
}

// The box beside a column: a line for its place, and one for each series that has a sample near it.
std::string readout(const LineChart& chart, const Frame& frame, double x, double position, double reach) {
  std::string lines, dots;
  std::size_t longest = position_text(position, frame.horizontal).size(), count = 0, more = 0;
  for (const Series& series : chart.series) {
    if (series.name.empty() || series.samples.empty()) continue;
    const Sample& sample = nearest(series, position, frame.horizontal);
    if (std::abs(position_of(sample, frame.horizontal) - position) > reach) continue;
    if (++count > kReadoutLines) {
      ++more;
      continue;
    }
    const std::string text = fmt::format("{} {} {}", series.name, number_text(sample.value), chart.unit);
    longest = std::max(longest, text::is_utf8(text) ? text::count_code_points(text) : text.size());
    lines += fmt::format("<tspan x=\"8\" dy=\"14\">{}</tspan>", escaped(text));
    dots += fmt::format("<circle class=\"{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\"/>",
                        colour_class(series.colour), frame.left(sample), frame.top(sample.value));
  }
  if (lines.empty()) return "";
  if (more > 0) lines += fmt::format("<tspan x=\"8\" dy=\"14\">and {} more</tspan>", more);
  const std::size_t rows = 1 + count - more + (more > 0 ? 1 : 0);
  const double width = 16 + 5.9 * static_cast<double>(longest), height = 8 + 14 * static_cast<double>(rows);
  double left = x + 8;
  if (left + width > kWidth) left = std::max(0.0, x - 8 - width);
  return fmt::format(
      "<g class=\"tip\"><path class=\"cross\" d=\"M{0:.1f} {1}V{2}\"/>{3}<g transform=\"translate({4:.1f} "
      "{1})\">"
      "<rect width=\"{5:.0f}\" height=\"{6:.0f}\" rx=\"4\"/><text y=\"15\"><tspan "
      "x=\"8\">{7}</tspan>{8}</text></g></g>",
      x, kTop, kHeight - kBottom, dots, left, width, height, position_text(position, frame.horizontal),
      lines);
}

std::string columns(const LineChart& chart, const Frame& frame, std::size_t count) {
  std::string svg;
  const double step = kPlotWidth / static_cast<double>(count);
  const double width = (frame.x.high() - frame.x.low()) * frame.x_unit;
  for (std::size_t i = 0; i < count; ++i) {
    const double x = kLeft + (static_cast<double>(i) + 0.5) * step;
    const double share = (static_cast<double>(i) + 0.5) / static_cast<double>(count);
    const double position = frame.x.low() * frame.x_unit + share * width;
    const std::string text = readout(chart, frame, x, position, 1.5 * width / static_cast<double>(count));
    if (text.empty()) continue;
    svg += fmt::format("<g class=\"h\"><rect x=\"{:.1f}\" y=\"{}\" width=\"{:.1f}\" height=\"{}\"/>{}</g>\n",
                       x - step / 2, kTop, step, kPlotHeight, text);
  }
  return svg;
}

}  // namespace

std::string horizontal_name(Horizontal horizontal) {
  switch (horizontal) {
    case Horizontal::kTokens:
      return "tokens";
    case Horizontal::kEpochs:
      return "epochs";
    case Horizontal::kTime:
      break;
  }
  return "wall time";
}

std::string legend_html(const std::vector<Series>& series) {
  std::string html;
  for (const Series& one : series) {
    if (one.name.empty() || one.samples.empty()) continue;
    html += fmt::format(
        "<span><svg class=\"swatch\" viewBox=\"0 0 22 10\"><path class=\"s {}{}\"{} d=\"M1 "
        "5H21\"/></svg>{}</span> ",
        colour_class(one.colour), stroke_class(one.stroke), dash_attribute(one.colour), escaped(one.name));
  }
  return html;
}

std::string line_chart_html(const LineChart& whole, Horizontal horizontal, const Detail& detail) {
  LineChart chart = whole;
  for (Series& series : chart.series)
    series.samples = thinned(std::move(series.samples), detail.of(kCurveStretches));
  const bool empty = std::all_of(chart.series.begin(), chart.series.end(),
                                 [](const Series& series) { return series.samples.empty(); });
  if (empty) return "";
  const Frame frame = frame_of(chart, horizontal);
  std::string svg =
      fmt::format("<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{} over {}\">\n",
                  kWidth, kHeight, escaped(chart.title), horizontal_name(horizontal));
  svg += grid(frame);
  for (const Series& series : chart.series) svg += curve_path(series, frame);
  svg += columns(chart, frame, detail.of(kReadoutColumns, kLeastReadoutColumns)) + "</svg>\n";
  const auto named = std::count_if(chart.series.begin(), chart.series.end(),
                                   [](const Series& s) { return !s.name.empty() && !s.samples.empty(); });
  // One that says no more than the title needs no legend.
  const bool plain = named == 1 && chart.series.back().name == kOnly;
  return figure_html({chart.title, chart.unit, plain ? "" : legend_html(chart.series), svg, chart.note});
}

std::string line_chart_twice(const LineChart& chart, Horizontal progress, const Detail& detail) {
  const std::string over_progress = line_chart_html(chart, progress, detail);
  if (over_progress.empty()) return "";
  return "<div class=\"by-progress\">" + over_progress + "</div><div class=\"by-time\">" +
         line_chart_html(chart, Horizontal::kTime, detail) + "</div>\n";
}

}  // namespace espalier::report
