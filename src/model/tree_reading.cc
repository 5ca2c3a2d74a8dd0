#include "espalier/model/tree_reading.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/parallel.h"
#include "espalier/base/progress.h"
#include "espalier/io/tokenizer_json.h"
#include "model/leaf_agreement.h"
#include "model/leaf_counts.h"
#include "model/leaf_words.h"
#include "model/readable_store.h"
#include "model/sequence_batches.h"
#include "model/tree_places.h"

namespace espalier::model {
namespace {

constexpr double kMostBytes = 4e9;

// One model and what is kept of its passes.
class Reader {
 public:
  // Layers above the last that is looked at are not computed.
  Reader(LoadedModel& model, std::int64_t last_layer)
      : model_(model), above_(static_cast<std::size_t>(model.arch.layers - 1 - last_layer)) {
    context_.leaves = &leaves_;
  }
  void read(const IntTensor& ids) {
    const Variable hidden = model_.encoder().first_layers({ids}, above_, context_);
    require_finite(hidden.value().span(), model_);
  }
  const IntTensor& leaves(std::size_t tree_layer) const { return leaves_.at(tree_layer); }

 private:
  LoadedModel& model_;
  std::size_t above_;
  nn::ForwardContext context_;
  std::vector<IntTensor> leaves_;
};

struct Layer {
  TreePlace place;
  LeafCounts counts;
  std::optional<LeafAgreement> agreement;
  std::size_t other_layer = 0;  // tree_layer in the other model

  Layer(const TreePlace& at, std::int64_t words) : place(at), counts(at.size(), words) {}
  int tasks() const { return counts.tasks() + (agreement ? agreement->tasks() : 0); }
};

void require_memory(const std::vector<TreePlace>& places, const std::vector<TreePlace>& others,
                    std::int64_t words, const std::string& model) {
  double bytes = 0;
  for (const TreePlace& place : places) {
    bytes += LeafCounts::bytes(place.size(), words);
    for (const TreePlace& other : others) {
      if (other.layer == place.layer) bytes += LeafAgreement::bytes(place.size(), other.size());
    }
  }
  if (bytes <= kMostBytes) return;
  throw InputError(fmt::format(
      "{}: the counts of {} take {:.1f} GB, more than {:.0f}: {}", model,
      places.size() == 1 ? "its leaves" : fmt::format("{} layers", places.size()), bytes / 1e9,
      kMostBytes / 1e9,
      places.size() == 1 ? "its trees are too deep for this" : "give --layer, one of " + numbers_of(places)));
}

std::vector<Layer> layers_of(LoadedModel& model, LoadedModel* other, const io::TokenStoreReader& data,
                             const std::optional<std::int64_t>& number) {
  const std::vector<TreePlace> places = tree_places(model, number);
  const std::vector<TreePlace> others =
      other != nullptr ? tree_places(*other, number) : std::vector<TreePlace>();
  require_memory(places, others, data.vocabulary_size(), model.source.string());
  std::vector<Layer> layers;
  bool compared = false;
  for (const TreePlace& place : places) {
    Layer& layer = layers.emplace_back(place, data.vocabulary_size());
    for (const TreePlace& theirs : others) {
      if (theirs.layer != place.layer) continue;
      layer.agreement.emplace(place.size(), theirs.size());
      layer.other_layer = theirs.tree_layer;
      compared = true;
    }
  }
  if (other != nullptr && !compared) {
    throw InputError(fmt::format("--compare: {} has trees in layers {}, {} in layers {}: nothing to compare",
                                 model.source.string(), numbers_of(places), other->source.string(),
                                 numbers_of(others)));
  }
  return layers;
}

// Counts one batch, layers, trees and neighbours at once: each has a table of its own.
void count(std::vector<Layer>& layers, const Reader& reader, const Reader* other, const IntTensor& ids) {
  std::vector<std::pair<Layer*, int>> tasks;
  for (Layer& layer : layers) {
    for (int task = 0; task < layer.tasks(); ++task) tasks.emplace_back(&layer, task);
  }
  parallel_for(static_cast<std::int64_t>(tasks.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto [layer, task] = tasks[static_cast<std::size_t>(i)];
      const IntTensor& leaf = reader.leaves(layer->place.tree_layer);
      if (task < layer->counts.tasks()) {
        layer->counts.add(task, leaf, ids);
      } else {
        layer->agreement->add(task - layer->counts.tasks(), leaf, other->leaves(layer->other_layer));
      }
    }
  });
}

void read_all(std::vector<Layer>& layers, LoadedModel& model, LoadedModel* other,
              const io::TokenStoreReader& data, std::int64_t sequences, const std::string& title) {
  const NoGradGuard no_grad;
  const std::int64_t length = data.sequence_length(), available = data.sequences(io::Split::kTrain);
  const std::int64_t batch = std::max<std::int64_t>(static_cast<std::int64_t>(kBatchTokens) / length, 1);
  const std::int64_t last_layer = layers.back().place.layer;
  Reader reader(model, last_layer);
  std::optional<Reader> second;
  if (other != nullptr) second.emplace(*other, std::min(last_layer, other->arch.layers - 1));
  std::optional<Progress> progress;
  if (!title.empty()) progress.emplace(title);
  for (std::int64_t first = 0; first < sequences; first += batch) {
    if (const int signal = title.empty() ? 0 : interrupt_signal()) {
      throw Interrupted("stopped before the end of the text", signal);
    }
    const std::int64_t rows = std::min(batch, sequences - first);
    IntTensor ids = IntTensor::empty({rows, length});
    for (std::int64_t row = 0; row < rows; ++row) {
      data.read(io::Split::kTrain, (first + row) * available / sequences,
                ids.span().subspan(static_cast<std::size_t>(row * length), static_cast<std::size_t>(length)));
    }
    reader.read(ids);
    if (second) second->read(ids);
    count(layers, reader, second ? &*second : nullptr, ids);
    if (progress) progress->update(static_cast<double>(first + rows) / static_cast<double>(sequences), "");
  }
}

std::string path_of(std::int64_t leaf, std::int64_t depth) {
  std::string path;
  for (std::int64_t level = depth - 1; level >= 0; --level) path += ((leaf >> level) & 1) != 0 ? 'R' : 'L';
  return path;
}

void add_tree(const Layer& layer, std::int64_t tree, const text::Tokenizer& tokenizer, std::int64_t tokens,
              const WordsOptions& options, LayerReading& reading) {
  const std::vector<std::int64_t> leaf_tokens = layer.counts.leaf_tokens(tree);
  const auto of = [&](Neighbour neighbour) {
    return leaf_words(layer.counts.table(tree, neighbour), leaf_tokens.size(), tokenizer, options);
  };
  std::vector<std::vector<LeafToken>> self = of(Neighbour::kSelf), previous = of(Neighbour::kPrevious),
                                      next = of(Neighbour::kNext);
  for (std::size_t leaf = 0; leaf < leaf_tokens.size(); ++leaf) {
    if (leaf_tokens[leaf] == 0) continue;
    const auto number = static_cast<std::int64_t>(leaf);
    reading.leaves.push_back({tree, number, path_of(number, reading.depth), leaf_tokens[leaf],
                              static_cast<double>(leaf_tokens[leaf]) / static_cast<double>(tokens),
                              std::move(self[leaf]), std::move(previous[leaf]), std::move(next[leaf])});
  }
  reading.leaf_perplexity.push_back(ops::leaf_perplexity(leaf_tokens));
  reading.dead.push_back(std::count(leaf_tokens.begin(), leaf_tokens.end(), 0));
}

LayerReading reading_of(const Layer& layer, const text::Tokenizer& tokenizer, std::int64_t tokens,
                        const WordsOptions& options) {
  LayerReading reading;
  reading.layer = layer.place.layer;
  reading.tree_layer = static_cast<std::int64_t>(layer.place.tree_layer);
  reading.type = layer.place.ffn.type == nn::FeedForwardType::kNeuronTree ? "neuron_tree" : "leaf_tree";
  reading.trees = layer.place.size().trees;
  reading.depth = layer.place.size().depth;
  for (std::int64_t tree = 0; tree < reading.trees; ++tree)
    add_tree(layer, tree, tokenizer, tokens, options, reading);
  return reading;
}

}  // namespace

TreesReading read_trees(LoadedModel& model, LoadedModel* other, const io::TokenStoreReader& data,
                        const TreesOptions& options) {
  require_readable(model, data);
  if (other != nullptr) require_readable(*other, data);
  std::vector<Layer> layers = layers_of(model, other, data, options.layer);
  const std::int64_t available = data.sequences(io::Split::kTrain), length = data.sequence_length();
  if (available == 0) throw InputError(data.path().string() + ": holds no training sequences");
  const std::int64_t wanted = options.tokens == 0 ? available : (options.tokens - 1) / length + 1;
  const std::int64_t sequences = std::min(wanted, available);
  read_all(layers, model, other, data, sequences, options.title);

  TreesReading reading;
  reading.model = model.source.string();
  reading.data = data.path().string();
  if (other != nullptr) reading.compared_with = other->source.string();
  reading.tokens = sequences * length;
  reading.available = available * length;
  reading.min_count = options.min_count;
  const text::Tokenizer tokenizer = io::parse_tokenizer(data.tokenizer_json(), data.path().string());
  for (const Layer& layer : layers) {
    reading.layers.push_back(reading_of(layer, tokenizer, reading.tokens, {options.top, options.min_count}));
    if (layer.agreement) reading.agreement.push_back(layer.agreement->result(layer.place.layer));
  }
  return reading;
}

}  // namespace espalier::model
