// Axes, palette and texts of the drawings.
#include <doctest/doctest.h>

#include "report/axis.h"
#include "report/forest_plot.h"
#include "report/line_chart.h"
#include "report/markup.h"
#include "tests/report/report_support.h"

namespace espalier::testing {
namespace {

using report::Axis;

TEST_CASE("values that differ by rounding alone lie in the middle of a short axis") {
  const Axis axis = Axis::linear(0.9999999999999998, 1.0, 4, true);
  CHECK(axis.marks().size() < 9);
  CHECK(axis.low() < 0.9);
  CHECK(axis.high() > 1.1);
  CHECK(Axis::linear(0, 1, 4, true).marks() == std::vector<double>{0, 0.5, 1});
  CHECK(Axis::linear(1e9, 1e9 + 100, 4, true).marks().size() == 3);
}

TEST_CASE("a logarithmic axis from the smallest number ends") {
  CHECK(Axis::logarithmic(5e-324, 1).marks().back() == 1);
}

TEST_CASE("after the eighth curve colours begin anew, with dashes") {
  CHECK(report::colour_class(7) == "c7");
  CHECK(report::colour_class(17) == "c1");
  CHECK(report::dash_attribute(7).empty());
  CHECK(!report::dash_attribute(8).empty());
  CHECK(report::dash_attribute(8) == report::dash_attribute(15));
  CHECK(report::dash_attribute(16) != report::dash_attribute(8));
  const report::LineChart chart{.title = "a", .series = {{.name = "b", .colour = 9, .samples = {{0, 0, 1}}}}};
  const std::string html = report::line_chart_html(chart, report::Horizontal::kTokens, {});
  CHECK(contains(html, "<path class=\"s c1\" stroke-dasharray="));
}

TEST_CASE("labels of a forest plot fit beside it") {
  const auto left = [](const std::string& name) {
    const std::string html = report::forest_plot_html(
        {"Scores", "%", "", {{.name = name, .marks = {{.name = "run", .value = 1}}}}});
    const std::string before = "<text class=\"e\" x=\"";
    return std::stod(html.substr(html.find(before) + before.size()));
  };
  CHECK(left("RTE") < 84);
  CHECK(left("mnli accuracy, mismatched") > 140);
  CHECK(left(std::string(500, 'x')) < 220);
}

TEST_CASE("what XML does not allow becomes the replacement character") {
  CHECK(report::escaped("a\xC2\x85"
                        "b\xEF\xBF\xBF"
                        "c\xEF\xBF\xBE"
                        "d\x7F") ==
        "a\xEF\xBF\xBD"
        "b\xEF\xBF\xBD"
        "c\xEF\xBF\xBD"
        "d\xEF\xBF\xBD");
  CHECK(report::escaped("\xC3\xA9 \xF0\x9F\x8C\xB3\t<") == "\xC3\xA9 \xF0\x9F\x8C\xB3\t&lt;");
}

}  // namespace
}  // namespace espalier::testing
