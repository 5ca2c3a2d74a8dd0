// Leaves by what they read: tokens, those before and after them, and how two models agree.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "report/icicle.h"
#include "report/markup.h"
#include "report/sections.h"

namespace espalier::report {
namespace {

// Of a page: what three megabytes have room for beside all else.
constexpr std::size_t kLeafRows = 240, kLeafIcicles = 16;
constexpr std::size_t kWords = 6, kIcicleDepth = 7;

const model::LayerAgreement* agreement_of(const RunLeaves& run, std::int64_t layer) {
  for (const model::LayerAgreement& agreement : run.reading.agreement) {
    if (agreement.layer == layer) return &agreement;
  }
  return nullptr;
}

// The shade is that of the number: all of ten steps at nine bits and more.
std::string words_html(const std::vector<model::LeafToken>& tokens) {
  std::string html;
  for (std::size_t i = 0; i < std::min(tokens.size(), kWords); ++i) {
    html += fmt::format("<b class=\"w{:.0f}\">{} <i>{:.1f}</i></b> ", std::clamp(tokens[i].pmi, 0.0, 9.0),
                        escaped(tokens[i].token), tokens[i].pmi);
  }
  return html.empty() ? "-" : html;
}

std::string leaf_row(const model::LeafReading& leaf) {
  return fmt::format(
      "<tr><th scope=\"row\">{}</th><td class=\"n\">{}</td><td>{}</td><td>{}</td><td>{}</td></tr>\n",
      leaf.path.empty() ? "root" : escaped(leaf.path), percent_text(leaf.share), words_html(leaf.tokens),
      words_html(leaf.previous), words_html(leaf.next));
}

std::string tree_table(const TreeLeaves& tree, std::size_t most) {
  std::string html =
      "<table class=\"leaves\"><thead><tr><th scope=\"col\">leaf</th><th scope=\"col\" "
      "class=\"n\">tokens</th><th scope=\"col\">reads</th><th scope=\"col\">preceded by</th><th "
      "scope=\"col\">followed by</th></tr></thead><tbody>\n";
  for (std::size_t i = 0; i < std::min(tree.largest.size(), most); ++i) html += leaf_row(tree.largest[i]);
  return html + "</tbody></table>\n";
}

std::string tree_title(const LayerLeaves& layer, std::int64_t number, const TreeLeaves& tree,
                       std::size_t most) {
  const auto used = static_cast<std::size_t>(
      std::count_if(tree.counts.begin(), tree.counts.end(), [](std::int64_t count) { return count > 0; }));
  const std::size_t shown = std::min(tree.largest.size(), most);
  double share = 0;
  for (std::size_t i = 0; i < shown; ++i) share += tree.largest[i].share;
  return fmt::format("layer {}{}: {}", layer.layer.layer,
                     layer.layer.trees > 1 ? fmt::format(", tree {} of {}", number, layer.layer.trees) : "",
                     used == 1       ? "one leaf takes all tokens"
                     : shown == used ? fmt::format("its {} leaves", used)
                                     : fmt::format("{} of {} leaves, those with most tokens: {} of all",
                                                   shown, used, percent_text(share)));
}

// Of a layer with more trees than lists have room for, the first.
std::string layer_lists(const LayerLeaves& layer, std::size_t rows) {
  const std::size_t trees = std::min(layer.trees.size(), std::max<std::size_t>(rows / 8, 1));
  if (trees == 0) return "";
  const std::size_t each = std::clamp<std::size_t>(rows / trees, 1, kLargestLeaves);
  std::string html;
  std::size_t shown = 0;
  for (const auto& [number, tree] : layer.trees) {
    if (shown++ == trees) break;
    html += fmt::format("<details open=\"open\"><summary>{}</summary>\n{}</details>\n",
                        tree_title(layer, number, tree, each), tree_table(tree, each));
  }
  if (trees < layer.trees.size()) {
    html += fmt::format("<p class=\"note\">Of layer {} the first {} of {} trees are listed.</p>\n",
                        layer.layer.layer, trees, layer.trees.size());
  }
  return html;
}

IcicleTree icicle_of(std::int64_t number, const TreeLeaves& tree) {
  IcicleTree icicle{fmt::format("tree {}", number), tree.counts};
  if (icicle.leaves.size() > std::size_t{1} << kIcicleDepth) {
    const std::size_t span = icicle.leaves.size() >> kIcicleDepth;
    for (std::size_t i = 0; i < std::size_t{1} << kIcicleDepth; ++i) {
      const auto begin = tree.counts.begin() + static_cast<std::ptrdiff_t>(i * span);
      icicle.leaves[i] = std::accumulate(begin, begin + static_cast<std::ptrdiff_t>(span), std::int64_t{0});
    }
    icicle.leaves.resize(std::size_t{1} << kIcicleDepth);
    return icicle;
  }
  icicle.remarks.resize(icicle.leaves.size());
  for (const model::LeafReading& leaf : tree.largest) {
    std::string& remark = icicle.remarks[static_cast<std::size_t>(leaf.leaf)];
    for (std::size_t i = 0; i < std::min(leaf.tokens.size(), kWords); ++i) {
      remark += (i == 0 ? ": " : ", ") + leaf.tokens[i].token;
    }
  }
  return icicle;
}

std::string layer_icicle(const RunLeaves& run, const LayerLeaves& layer, const std::string& before,
                         std::size_t most, const Detail& detail) {
  std::vector<IcicleTree> trees;
  for (const auto& [number, tree] : layer.trees) {
    if (trees.size() < most) trees.push_back(icicle_of(number, tree));
  }
  std::string note;
  if (trees.size() < layer.trees.size()) {
    note = fmt::format("The first {} of {} trees.", trees.size(), layer.trees.size());
  }
  if (const model::LayerAgreement* agreement = agreement_of(run, layer.layer.layer)) {
    note += fmt::format("{}Agreement with {}: {}.", note.empty() ? "" : " ", *run.reading.compared_with,
                        fixed_text(agreement->adjusted_mutual_information, 3));
  }
  return icicle_html(fmt::format("{}layer {}", before, layer.layer.layer), trees, note, detail);
}

std::string layers_overview(const RunLeaves& run) {
  const bool compared = run.reading.compared_with.has_value();
  Table table{
      {"layer", "kind", "trees", "leaves of each", "dead leaves", "leaf perplexity", "least, of a tree"},
      {},
      2};
  if (compared) table.header.emplace_back("agreement");
  for (const LayerLeaves& leaves : run.layers) {
    const model::LayerReading& layer = leaves.layer;
    const std::vector<double>& all = layer.leaf_perplexity;
    const double trees = std::max(1.0, static_cast<double>(all.size()));
    std::vector<std::string>& row = table.rows.emplace_back();
    row = {fmt::format("layer {}", layer.layer),
           layer.type,
           std::to_string(layer.trees),
           fixed_text(std::exp2(static_cast<double>(layer.depth)), 0),
           std::to_string(std::accumulate(layer.dead.begin(), layer.dead.end(), std::int64_t{0})),
           fixed_text(std::accumulate(all.begin(), all.end(), 0.0) / trees, 1),
           all.empty() ? "-" : fixed_text(*std::min_element(all.begin(), all.end()), 1)};
    if (!compared) continue;
    const model::LayerAgreement* agreement = agreement_of(run, layer.layer);
    row.push_back(agreement == nullptr ? "-" : fixed_text(agreement->adjusted_mutual_information, 3));
  }
  return table_html(table);
}

std::string introduction(const RunLeaves& run) {
  const model::TreesReading& reading = run.reading;
  std::string text =
      fmt::format("{}, by hard routing in {}, {}: {} of {} tokens of {}.", reading.model, reading.precision,
                  run.written, number_text(static_cast<double>(reading.tokens)),
                  number_text(static_cast<double>(reading.available)), reading.data);
  if (reading.compared_with) {
    text += fmt::format(
        " Agreement: adjusted mutual information of its leaves and those of {}, to which the same tokens go; "
        "1: "
        "the same division of them, 0: chance.",
        *reading.compared_with);
  }
  return fmt::format("<p class=\"note lead\">{}</p>\n", escaped(text));
}

std::string lists_note(std::int64_t min_count) {
  return fmt::format(
      "<p class=\"note\">Tokens that a leaf reads, and meets before and behind them, more often than by "
      "chance. "
      "The number is their pointwise mutual information in bits, of {} occurrences and more: 3 is eight "
      "times as "
      "often in this leaf as anywhere.</p>\n",
      min_count);
}

}  // namespace

std::string leaves_section(const std::vector<RunLeaves>& runs, const Detail& detail) {
  std::size_t layers = 0;
  for (const RunLeaves& run : runs) layers += run.layers.size();
  if (layers == 0) return "";
  const std::size_t rows = std::max<std::size_t>(detail.of(kLeafRows) / layers, 1);
  const std::size_t icicles = std::max<std::size_t>(detail.of(kLeafIcicles) / layers, 1);
  const std::size_t every = detail.every(layers, kLeafIcicles);
  std::string body;
  for (const RunLeaves& run : runs) {
    if (runs.size() > 1) body += fmt::format("<h3>{}</h3>\n", escaped(run.label));
    std::string figures;
    for (std::size_t i = 0; i < run.layers.size(); i += every) {
      figures += layer_icicle(run, run.layers[i], runs.size() > 1 ? run.label + ", " : "", icicles, detail);
    }
    body += introduction(run) + layers_overview(run) + grid_html(figures) + lists_note(run.reading.min_count);
    for (std::size_t i = 0; i < run.layers.size(); i += every) body += layer_lists(run.layers[i], rows);
  }
  return section_html("leaves", "What leaves read", body);
}

}  // namespace espalier::report
