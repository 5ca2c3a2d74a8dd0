#include "report/leaves.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/io/json_objects.h"
#include "espalier/io/text_file.h"

namespace espalier::report {
namespace {

constexpr std::size_t kMostDepth = 24;

void keep_largest(model::LeafReading leaf, std::vector<model::LeafReading>& largest) {
  const auto smaller = std::find_if(largest.begin(), largest.end(),
                                    [&](const model::LeafReading& l) { return l.count < leaf.count; });
  if (smaller == largest.end() && largest.size() == kLargestLeaves) return;
  largest.insert(smaller, std::move(leaf));
  if (largest.size() > kLargestLeaves) largest.pop_back();
}

// Takes leaves and layers out of the document as they end. A leaf comes before the numbers of its layer.
class LeavesReader {
 public:
  explicit LeavesReader(std::string where) : where_(std::move(where)) {}

  void take(io::Json& object) {
    if (object.contains("leaf")) {
      take_leaf(io::from_json<model::LeafReading>(io::JsonView(object, where_)));
      object = nullptr;
    } else if (object.contains("leaves")) {
      object["leaves"] = io::Json::array();
      take_layer(io::from_json<model::LayerReading>(io::JsonView(object, where_)));
      object = nullptr;
    }
  }
  std::vector<LayerLeaves> layers() { return std::move(layers_); }

 private:
  void take_leaf(model::LeafReading leaf) {
    // The numbers are of a file: they must not make the table long.
    const std::size_t depth = leaf.path.size();
    if (depth > kMostDepth || leaf.leaf < 0 || leaf.leaf >= std::int64_t{1} << depth) {
      throw InputError(fmt::format("{}: leaf {} cannot be at \"{}\"", where_, leaf.leaf, leaf.path));
    }
    TreeLeaves& tree = trees_[leaf.tree];
    tree.counts.resize(std::max(tree.counts.size(), std::size_t{1} << depth));
    tree.counts[static_cast<std::size_t>(leaf.leaf)] = leaf.count;
    keep_largest(std::move(leaf), tree.largest);
  }
  void take_layer(model::LayerReading layer) {
    layers_.push_back({std::move(layer), std::move(trees_)});
    trees_.clear();
  }

  std::string where_;
  std::map<std::int64_t, TreeLeaves> trees_;  // of the layer that is being read
  std::vector<LayerLeaves> layers_;
};

}  // namespace

std::optional<RunLeaves> read_leaves(RunFolder& run) {
  const std::filesystem::path file = run.path / "trees.json";
  if (!std::filesystem::exists(file)) return std::nullopt;
  try {
    LeavesReader reader(file.string());
    io::Json rest = io::parse_json(io::read_text_file(file), file.string(),
                                   [&](io::Json& object) { reader.take(object); });
    if (rest.is_object()) rest["layers"] = io::Json::array();
    RunLeaves leaves{run.label, time_written(file),
                     io::from_json<model::TreesReading>(io::JsonView(rest, file.string())), reader.layers()};
    return leaves;
  } catch (const InputError& error) {
    run.notes.push_back(error.what());
    return std::nullopt;
  }
}

}  // namespace espalier::report
