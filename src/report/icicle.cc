#include "report/icicle.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "report/markup.h"

namespace espalier::report {
namespace {

constexpr double kIcicleWidth = 400, kIcicleLeft = 48, kIciclePlot = 340, kLevelHeight = 11;
constexpr double kLeastWidth = 0.6;  // what is narrower is not drawn in a fine page

// "LRL" of the node `index` from the left in `level`.
std::string turns(std::size_t level, std::size_t index) {
  std::string path;
  for (std::size_t bit = level; bit-- > 0;) path += (index >> bit & 1U) != 0 ? 'R' : 'L';
  return path.empty() ? "root" : path;
}

std::size_t levels_of(const IcicleTree& tree) {
  std::size_t levels = 1;
  while ((std::size_t{1} << levels) <= tree.leaves.size()) ++levels;
  return levels;
}

std::string level_svg(const IcicleTree& tree, const std::vector<std::int64_t>& nodes, std::size_t level,
                      double top, double total, double least_width) {
  std::string svg;
  double left = kIcicleLeft;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const double share = static_cast<double>(nodes[i]) / total, width = share * kIciclePlot;
    if (width >= least_width) {
      // Twice what an even tree has is the darkest.
      const double load = share * static_cast<double>(nodes.size());
      svg += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"{:.0f}\" "
          "fill-opacity=\"{:.2f}\"><title>{}, {}: {} tokens, "
          "{}{}</title></rect>",
          left, top, width, kLevelHeight, 0.15 + 0.37 * std::min(load, 2.0), escaped(tree.name),
          turns(level, i), nodes[i], percent_text(share),
          nodes.size() == tree.remarks.size() ? escaped(tree.remarks[i]) : "");
    }
    left += width;
  }
  return svg + "\n";
}

std::string tree_svg(const IcicleTree& tree, double top, double least_width) {
  const std::size_t levels = levels_of(tree);
  std::vector<std::vector<std::int64_t>> all(levels);
  all.back() = tree.leaves;
  for (std::size_t level = levels - 1; level-- > 0;) {
    for (std::size_t i = 0; i < all[level + 1].size(); i += 2) {
      all[level].push_back(all[level + 1][i] + all[level + 1][i + 1]);
    }
  }
  const auto total = static_cast<double>(std::max<std::int64_t>(all[0][0], 1));
  std::string svg;
  for (std::size_t level = 0; level < levels; ++level) {
    svg += level_svg(tree, all[level], level, top + kLevelHeight * static_cast<double>(level), total,
                     least_width);
  }
  return svg + fmt::format("<text class=\"e\" x=\"{}\" y=\"{:.0f}\">{}</text>\n", kIcicleLeft - 6, top + 9,
                           escaped(tree.name));
}

}  // namespace

std::string icicle_html(const std::string& title, const std::vector<IcicleTree>& trees,
                        const std::string& note, const Detail& detail) {
  if (trees.empty()) return "";
  double top = 2;
  std::string body;
  for (const IcicleTree& tree : trees) {
    body += tree_svg(tree, top, kLeastWidth * static_cast<double>(detail.coarseness()));
    top += kLevelHeight * static_cast<double>(levels_of(tree)) + 10;
  }
  const std::string svg = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {} {:.0f}\" role=\"img\" aria-label=\"{}\"><g class=\"heat "
      "nodes\">\n{}</g></svg>\n",
      kIcicleWidth, top, escaped(title), body);
  return figure_html({.title = title, .svg = svg, .note = note});
}

}  // namespace espalier::report
