// Icicles of the trees, of what their last evaluation visited.
#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "report/icicle.h"
#include "report/markup.h"
#include "report/sections.h"

namespace espalier::report {
namespace {

// Of a page: what three megabytes have room for beside all else.
constexpr std::size_t kIcicles = 32;

// Where there are more trees than that, those that are used least evenly.
std::vector<std::size_t> shown_trees(const train::TreeScores& layer, std::size_t most) {
  std::vector<std::size_t> trees(layer.visits.size());
  std::iota(trees.begin(), trees.end(), std::size_t{0});
  const auto perplexity = [&](std::size_t tree) {
    return tree < layer.leaf_perplexity.size() ? layer.leaf_perplexity[tree] : 0;
  };
  std::stable_sort(trees.begin(), trees.end(),
                   [&](std::size_t a, std::size_t b) { return perplexity(a) < perplexity(b); });
  trees.resize(std::min(trees.size(), most));
  std::sort(trees.begin(), trees.end());
  return trees;
}

std::string layer_icicles(const std::string& title, const train::TreeScores& layer, std::size_t most,
                          const Detail& detail) {
  std::vector<IcicleTree> trees;
  std::size_t unreached = 0, spans = 0;
  for (const std::size_t tree : shown_trees(layer, most)) {
    trees.push_back({fmt::format("tree {}", tree), layer.visits[tree]});
    spans += layer.visits[tree].size();
    unreached +=
        static_cast<std::size_t>(std::count(layer.visits[tree].begin(), layer.visits[tree].end(), 0));
  }
  const bool leaves = !trees.empty() && trees[0].leaves.size() == std::size_t{1} << layer.entropy.size();
  std::string note = fmt::format("{} of {} {} are never reached.", unreached, spans,
                                 leaves ? "leaves" : "subtrees of the lowest level drawn");
  if (trees.size() < layer.visits.size()) {
    note += fmt::format(" The {} of {} trees that are used least evenly.", trees.size(), layer.visits.size());
  }
  return icicle_html(title, trees, note, detail);
}

}  // namespace

std::string visits_section(const std::vector<Pretraining>& runs, const Detail& detail) {
  std::size_t layers = 0;
  for (const Pretraining& run : runs) layers += run.visited.size();
  if (layers == 0) return "";
  const std::size_t each = std::max<std::size_t>(detail.of(kIcicles) / layers, 1);
  const std::size_t every = detail.every(layers, kIcicles);
  std::string figures;
  for (const Pretraining& run : runs) {
    for (std::size_t i = 0; i < run.visited.size(); i += every) {
      const std::string title =
          fmt::format("{}layer {}", runs.size() > 1 ? run.run.label + ", " : "", run.visited[i].layer);
      figures += layer_icicles(title, run.visited[i], each, detail);
    }
  }
  const std::string intro =
      "<p class=\"note\">The root above, the leaves below, left turns to the left. A node is as wide as its "
      "share of the "
      "held-out tokens at the last evaluation; the darker, the more beside an even tree of that level.</p>\n";
  return section_html("visits", "Where tokens go", intro + grid_html(figures));
}

}  // namespace espalier::report
