// What leaves read, on the page of the run in whose folder trees.json lies.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "espalier/model/tree_reading.h"
#include "espalier/report/report.h"
#include "report/leaves.h"
#include "tests/report/report_support.h"

namespace espalier::testing {
namespace {

using report::html_report;

// Layers of one tree whose leaf i reads `word` and a number; 2^depth - i tokens end in it.
model::TreesReading reading_of(std::int64_t layers, std::int64_t depth, const std::string& word) {
  model::TreesReading reading;
  reading.model = "run";
  reading.data = "data/tokens.h5";
  reading.tokens = 900;
  reading.available = 1000;
  reading.min_count = 20;
  const std::int64_t leaves = std::int64_t{1} << depth;
  for (std::int64_t l = 0; l < layers; ++l) {
    model::LayerReading layer{l, l, "neuron_tree", 1, depth, {2.5}, {7}, {}};
    for (std::int64_t i = 0; i < leaves; ++i) {
      const model::LeafToken token{word + std::to_string(i), i, 30, 0.5, 3.25};
      layer.leaves.push_back({0,
                              i,
                              std::string(static_cast<std::size_t>(depth), 'L'),
                              leaves - i,
                              1.0 / static_cast<double>(leaves),
                              {token},
                              {token},
                              {}});
    }
    reading.layers.push_back(std::move(layer));
  }
  return reading;
}

void write_reading(const TempDir& dir, const std::string& run, const model::TreesReading& reading) {
  dir.write(run + "/trees.json", io::json_text(io::to_json(reading)));
}

TEST_CASE("what leaves read is a part of the page, with how two models agree") {
  const TempDir dir;
  const auto run = write_pretraining(dir, "run", 10);
  CHECK(!contains(html_report({run}), "<section id=\"leaves\">"));
  model::TreesReading reading = reading_of(2, 2, "<b>&");
  reading.compared_with = "other";
  reading.agreement = {{1, 0.625, {{0, 0, 0.625}}}};
  write_reading(dir, "run", reading);
  const std::string html = html_report({run});
  check_page(html);
  CHECK(contains(html, "<section id=\"leaves\">"));
  CHECK(contains(html, "900 of 1000 tokens of data/tokens.h5"));
  CHECK(contains(html, "<b class=\"w3\">&lt;b&gt;&amp;0 <i>3.2</i></b>"));
  CHECK(contains(html, "layer 1: its 4 leaves"));
  CHECK(contains(
      html,
      "<td class=\"n\">7</td><td class=\"n\">2.5</td><td class=\"n\">2.5</td><td class=\"n\">0.625</td>"));
  CHECK(contains(html, "<title>tree 0, LL: 4 tokens, 40.0 %: &lt;b&gt;&amp;0</title>"));
}

TEST_CASE("of many leaves those with most tokens are listed, and the others counted") {
  const TempDir dir;
  const auto run = write_pretraining(dir, "run", 10);
  write_reading(dir, "run", reading_of(16, 11, "word"));
  const std::string html = html_report({run});
  check_page(html);
  CHECK(contains(html, "layer 15: 15 of 2048 leaves, those with most tokens: 0.7 % of all"));
  CHECK(contains(html, ">word14 <i>"));
  CHECK(!contains(html, ">word15 <i>"));
  // 2048 leaves are drawn as 128 spans of sixteen: of the first 16 * 2048 - 120 tokens of 2048 * 2049 / 2.
  CHECK(contains(html, "<title>tree 0, LLLLLLL: 32648 tokens, 1.6 %</title>"));
}

TEST_CASE("a file that does not hold what leaves read is noted") {
  const TempDir dir;
  const auto run = write_pretraining(dir, "run", 10);
  dir.write("run/trees.json", "{\"model\": ");
  CHECK(contains(html_report({run}), "trees.json: line 1, column"));
  dir.write("run/trees.json", "[]");
  CHECK(contains(html_report({run}), "trees.json: expected an object, found"));
  model::TreesReading reading = reading_of(1, 2, "w");
  reading.layers[0].leaves[0].leaf = 4;
  write_reading(dir, "run", reading);
  CHECK(contains(html_report({run}), "trees.json: leaf 4 cannot be at &quot;LL&quot;"));
}

}  // namespace
}  // namespace espalier::testing
