// Which layout can hold a model.
#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/io/hf_model.h"
#include "io/hf_tensors.h"

namespace espalier::io {

namespace {

// The first setting that a layout has no counterpart for; empty: none.
class Obstacle {
 public:
  void unless(bool fits, const std::string& setting) {
    if (!fits && text_.empty()) text_ = setting;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// What the model's trees were trained to be, where that is known.
std::string routing_mode(const HfModel& model) {
  const JsonView own(model.own, "espalier");
  return own.has("routing") ? own["routing"].get("mode", "hard") : "hard";
}

std::string original_obstacle(const HfModel& model) {
  const nn::EncoderOptions& arch = model.arch;
  Obstacle obstacle;
  obstacle.unless(
      arch.ffn.type != nn::FeedForwardType::kLeafTree,
      "arch.ffn.type: leaf_tree has no counterpart in the original architecture (its trees have a neuron in "
      "every node)");
  obstacle.unless(
      !nn::has_trees(arch.ffn) || routing_mode(model) != "soft",
      "routing.mode: soft: the model is a mixture over all paths, which the original architecture "
      "cannot compute; --routing hard exports its hard trees, which compute something else");
  obstacle.unless(!arch.attention.rotary || arch.embedding.max_positions <= kRotaryPositions,
                  fmt::format("arch.embedding.max_positions: {} is more than the {} positions of the "
                              "original's rotary tables",
                              arch.embedding.max_positions, kRotaryPositions));
  obstacle.unless(arch.norm_placement == nn::NormPlacement::kPre,
                  "arch.norm_placement: post: the original's norms stand before attention and feedforward");
  obstacle.unless(
      arch.embedding.token_types == 0,
      fmt::format("arch.embedding.token_types: {}: the original has none", arch.embedding.token_types));
  obstacle.unless(
      arch.ffn.type != nn::FeedForwardType::kDense || arch.ffn.activation == nn::Activation::kGelu,
      "arch.ffn.activation: the original's dense layers have gelu");
  obstacle.unless(arch.ffn.linear_rank == 0,
                  fmt::format("arch.ffn.linear_rank: {}: the original has no linear path beside its layers",
                              arch.ffn.linear_rank));
  obstacle.unless(arch.ffn.layers.empty(),
                  fmt::format("arch.ffn.layers: [{}]: the original's feedforward layers are all of one kind",
                              fmt::join(arch.ffn.layers, ", ")));
  if (model.classifier) {
    obstacle.unless(model.classifier->activation == nn::HeadActivation::kTanh,
                    "head.activation: relu: the original's head has a tanh");
  } else {
    obstacle.unless(arch.masked_lm_head, "arch.masked_lm_head: false: the original's class has that head");
    obstacle.unless(!arch.head_transform, "arch.head_transform: true: the original has none");
    obstacle.unless(!arch.pooler, "arch.pooler: true: the original's masked LM has none");
  }
  return obstacle.text();
}

bool stock_head_computes(const HfModel& model, HfLayout layout) {
  const nn::EncoderOptions& arch = model.arch;
  const bool bert = layout == HfLayout::kBert;
  if (!model.classifier) {
    if (!bert && arch.pooler) return false;
    return !arch.masked_lm_head || (arch.head_transform && arch.decoder_bias);
  }
  const nn::ClassifierOptions& head = *model.classifier;
  const nn::HeadActivation activation = bert ? nn::HeadActivation::kTanh : nn::HeadActivation::kRelu;
  return head.pooler == nn::Pooler::kFirst && head.head_dim == arch.hidden_size &&
         head.activation == activation;
}

bool stock_computes(const HfModel& model, HfLayout layout) {
  constexpr double kDistilBertEps = 1e-12;
  const nn::EncoderOptions& arch = model.arch;
  const bool dense = arch.ffn.type == nn::FeedForwardType::kDense && arch.ffn.width > 0 &&
                     arch.ffn.linear_rank == 0 && arch.ffn.layers.empty();
  const bool norms = arch.norm_placement == nn::NormPlacement::kPost && !arch.final_norm &&
                     arch.embedding.norm && (layout == HfLayout::kBert || arch.norm_eps == kDistilBertEps);
  const bool positions = arch.embedding.positions == nn::Positions::kLearned && !arch.attention.rotary;
  const bool biases = arch.use_bias && arch.attention.qkv_bias;
  return dense && norms && positions && biases && stock_head_computes(model, layout);
}

}  // namespace

HfLayout export_layout(const HfModel& model, HfFormat format, std::optional<DType> dtype) {
  if (format != HfFormat::kTransformers) {
    const std::string obstacle = dtype == DType::kI8
                                     ? "--dtype int8: the original's code has no quantized weights"
                                     : original_obstacle(model);
    if (obstacle.empty()) return HfLayout::kOriginal;
    if (format == HfFormat::kOriginal) throw InputError("export: --format original: " + obstacle);
  }
  const HfLayout stock = model.arch.embedding.token_types > 0 ? HfLayout::kBert : HfLayout::kDistilBert;
  return stock_computes(model, stock) ? stock : HfLayout::kEspalier;
}

}  // namespace espalier::io
