#include "espalier/io/model_tensors.h"

#include <fmt/format.h>

#include <map>

#include "espalier/base/error.h"

namespace espalier::io {

namespace {

// Rows of a tree layer's matrices; more than this could not be indexed.
constexpr std::int64_t kMostRows = std::int64_t{1} << 40U;
constexpr std::int64_t kDeepest = 30;

std::int64_t rows_of(const nn::FeedForwardOptions& ffn, std::int64_t per_tree) {
  if (ffn.trees > kMostRows / per_tree) {
    throw InputError(fmt::format("architecture: {} trees of {} rows each are more than can be stored",
                                 ffn.trees, per_tree));
  }
  return ffn.trees * per_tree;
}

class Walk {
 public:
  Walk(const nn::CrammedBertOptions& arch, TensorVisitor visit) : arch_(arch), visit_(visit) {}

  void encoder() {
    embedding();
    for (std::int64_t i = 0; i < arch_.layers; ++i) layer(fmt::format("encoder.layers.{}.", i));
    if (arch_.final_norm) norm("encoder.final_norm");
  }

  void classifier(const nn::ClassifierOptions& head) {
    linear("pooler.dense", head.head_dim, arch_.hidden_size, true);
    linear("head", head.labels, head.head_dim, true);
  }

 private:
  void linear(const std::string& name, std::int64_t out, std::int64_t in, bool bias) {
    visit_(name + ".weight", {out, in});
    if (bias) visit_(name + ".bias", {out});
  }

  void norm(const std::string& name) {
    visit_(name + ".weight", {arch_.hidden_size});
    visit_(name + ".bias", {arch_.hidden_size});
  }

  void embedding() {
    const std::string prefix = "encoder.embedding.";
    const nn::EmbeddingOptions& embedding = arch_.embedding;
    visit_(prefix + "word_embedding.weight", {embedding.vocab_size, arch_.hidden_size});
    if (embedding.positions == nn::Positions::kScaledSinusoidal) {
      visit_(prefix + "pos_embedding.scale_factor", {1});
    }
    if (embedding.positions == nn::Positions::kLearned) {
      visit_(prefix + "pos_embedding.embedding.weight", {embedding.max_positions, arch_.hidden_size});
    }
    if (embedding.norm) norm(prefix + "norm");
  }

  void layer(const std::string& prefix) {
    const std::int64_t d = arch_.hidden_size;
    norm(prefix + "norm1");
    linear(prefix + "attn.self_attention.query_key_value", 3 * d, d, arch_.attention.qkv_bias);
    linear(prefix + "attn.dense", d, d, arch_.use_bias);
    const nn::FeedForwardOptions& ffn = arch_.ffn;
    const bool dense = ffn.type == nn::FeedForwardType::kDense || ffn.type == nn::FeedForwardType::kGated;
    if (dense && ffn.width == 0) return;
    norm(prefix + "norm2");
    if (dense) return dense_layer(prefix + "ffn.");
    if (ffn.depth > kDeepest)
      throw InputError(fmt::format("architecture: trees of depth {} are too deep", ffn.depth));
    if (ffn.type == nn::FeedForwardType::kNeuronTree) return neuron_trees(prefix + "ffn.");
    leaf_trees(prefix + "ffn.");
  }

  void dense_layer(const std::string& prefix) {
    const bool gated = arch_.ffn.type == nn::FeedForwardType::kGated;
    linear(prefix + "dense_in", arch_.ffn.width, arch_.hidden_size, arch_.use_bias);
    linear(prefix + "dense_out", arch_.hidden_size, gated ? arch_.ffn.width / 2 : arch_.ffn.width,
           arch_.use_bias);
  }

  void neuron_trees(const std::string& prefix) {
    const std::int64_t rows = rows_of(arch_.ffn, nn::tree_size(arch_.ffn).nodes_per_tree());
    linear(prefix + "linear_in", rows, arch_.hidden_size, true);
    visit_(prefix + "linear_out.weight_t", {rows, arch_.hidden_size});
  }

  void leaf_trees(const std::string& prefix) {
    const std::int64_t d = arch_.hidden_size;
    const std::int64_t width = arch_.ffn.leaf_width;
    const std::int64_t leaves = rows_of(arch_.ffn, nn::tree_size(arch_.ffn).leaves_per_tree());
    if (arch_.ffn.depth > 0) linear(prefix + "gate", nn::tree_size(arch_.ffn).inner(), d, true);
    visit_(prefix + "leaf_in.weight", {leaves, width, d});
    visit_(prefix + "leaf_in.bias", {leaves, width});
    visit_(prefix + "leaf_out.weight_t", {leaves, width, d});
    visit_(prefix + "leaf_out.bias", {leaves, d});
  }

  const nn::CrammedBertOptions& arch_;
  TensorVisitor visit_;
};

}  // namespace

void visit_model_tensors(const nn::CrammedBertOptions& arch, const nn::ClassifierOptions* classifier,
                         TensorVisitor visit) {
  Walk walk(arch, visit);
  // A module's own parameters come before those of its parts.
  if (classifier == nullptr && arch.decoder_bias) visit("decoder.bias", {arch.embedding.vocab_size});
  walk.encoder();
  if (classifier != nullptr) walk.classifier(*classifier);
}

void check_model_tensors(const nn::CrammedBertOptions& arch, const nn::ClassifierOptions* classifier,
                         std::span<const NamedTensor> tensors, const std::string& where) {
  std::map<std::string, const Tensor*> unused;
  for (const NamedTensor& tensor : tensors) unused[tensor.name] = &tensor.value;
  visit_model_tensors(arch, classifier, [&](const std::string& name, const Shape& shape) {
    const auto found = unused.find(name);
    if (found == unused.end()) {
      throw InputError(fmt::format("{}: tensor `{}` {} is missing", where, name, shape.str()));
    }
    if (found->second->shape() != shape) {
      throw InputError(fmt::format("{}: tensor `{}` must be {} for this architecture, found {}", where, name,
                                   shape.str(), found->second->shape().str()));
    }
    unused.erase(found);
  });
  if (unused.empty()) return;
  const auto& [name, value] = *unused.begin();
  throw InputError(
      fmt::format("{}: tensor `{}` {} does not belong to this architecture ({}{})", where, name,
                  value->shape().str(), nn::describe(arch.ffn),
                  unused.size() > 1 ? fmt::format("; nor do {} others", unused.size() - 1) : std::string()));
}

}  // namespace espalier::io
