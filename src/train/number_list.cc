#include "train/number_list.h"

#include "espalier/base/error.h"

namespace espalier::train {

void append(const ops::LayerStatistics& layers, std::vector<double>& numbers) {
  const auto add = [&](auto number) { numbers.push_back(static_cast<double>(number)); };
  add(layers.size());
  for (const ops::TreeStatistics& layer : layers) {
    add(layer.depth);
    add(layer.trees);
    add(layer.tokens);
    add(layer.surviving_nodes);
    add(layer.dropped_mass);
    add(layer.entropy.size());
    for (const double value : layer.entropy) add(value);
    for (const std::int64_t count : layer.undecided) add(count);
    add(layer.leaf_tokens.size());
    for (const std::int64_t count : layer.leaf_tokens) add(count);
  }
}

double NumberReader::next() {
  ESPALIER_CHECK(!rest_.empty());
  const double number = rest_.front();
  rest_ = rest_.subspan(1);
  return number;
}

ops::LayerStatistics NumberReader::next_layers() {
  ops::LayerStatistics layers(static_cast<std::size_t>(next_count()));
  for (ops::TreeStatistics& layer : layers) {
    layer.depth = static_cast<int>(next_count());
    layer.trees = static_cast<int>(next_count());
    layer.tokens = next_count();
    layer.surviving_nodes = next();
    layer.dropped_mass = next();
    const auto levels = static_cast<std::size_t>(next_count());
    for (std::size_t i = 0; i < levels; ++i) layer.entropy.push_back(next());
    for (std::size_t i = 0; i < levels; ++i) layer.undecided.push_back(next_count());
    const auto leaves = static_cast<std::size_t>(next_count());
    for (std::size_t i = 0; i < leaves; ++i) layer.leaf_tokens.push_back(next_count());
  }
  return layers;
}

void add_layers(const ops::LayerStatistics& layers, ops::LayerStatistics& sum) {
  if (sum.size() < layers.size()) sum.resize(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) sum[i].add(layers[i]);
}

}  // namespace espalier::train
