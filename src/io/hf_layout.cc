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

std::string original_obstacle(const HfModel& model) {
  const nn::CrammedBertOptions& arch = model.arch;
  Obstacle obstacle;
  obstacle.unless(
      arch.ffn.type != nn::FeedForwardType::kLeafTree,
      "arch.ffn.type: leaf_tree has no counterpart in the original architecture (its trees have a neuron in "
      "every node); the model stays usable as a checkpoint");
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

void find_head_obstacle(const HfModel& model, HfLayout layout, Obstacle& obstacle) {
  const nn::CrammedBertOptions& arch = model.arch;
  const bool bert = layout == HfLayout::kBert;
  if (!model.classifier) {
    obstacle.unless(!arch.masked_lm_head || arch.head_transform,
                    "arch.head_transform: false: the masked LMs of transformers have one");
    obstacle.unless(!arch.masked_lm_head || arch.decoder_bias,
                    "arch.decoder_bias: false: the masked LMs of transformers have one");
    obstacle.unless(bert || !arch.pooler, "arch.pooler: true: DistilBERT has none");
    return;
  }
  const nn::ClassifierOptions& head = *model.classifier;
  obstacle.unless(head.pooler == nn::Pooler::kFirst,
                  "head.pooler: avg: the classifiers of transformers read the first state");
  obstacle.unless(head.head_dim == arch.hidden_size,
                  fmt::format("head.head_dim: {}: in the classifiers of transformers it is the model's {}",
                              head.head_dim, arch.hidden_size));
  obstacle.unless((head.activation == nn::HeadActivation::kTanh) == bert,
                  bert ? "head.activation: relu: BERT's head has a tanh"
                       : "head.activation: tanh: the head of DistilBERT, the class without token types "
                         "(arch.embedding.token_types: 0), has a relu");
}

std::string stock_obstacle(const HfModel& model, HfLayout layout) {
  const nn::CrammedBertOptions& arch = model.arch;
  Obstacle obstacle;
  obstacle.unless(
      arch.ffn.type == nn::FeedForwardType::kDense && arch.ffn.width > 0,
      fmt::format("arch.ffn: {}: the classes of transformers have dense layers", nn::describe(arch.ffn)));
  obstacle.unless(arch.norm_placement == nn::NormPlacement::kPost,
                  "arch.norm_placement: pre: in transformers norms stand after the residual sums");
  obstacle.unless(!arch.final_norm, "arch.final_norm: true: the classes of transformers have none");
  obstacle.unless(arch.embedding.positions == nn::Positions::kLearned,
                  "arch.embedding.positions: those of transformers are learned");
  obstacle.unless(!arch.attention.rotary,
                  "arch.attention.rotary: true: the classes of transformers add "
                  "learned positions");
  obstacle.unless(arch.embedding.norm, "arch.embedding.norm: false: the classes of transformers have one");
  obstacle.unless(arch.use_bias, "arch.use_bias: false: the classes of transformers have biases");
  obstacle.unless(arch.attention.qkv_bias,
                  "arch.attention.qkv_bias: false: the classes of transformers have biases");
  constexpr double kDistilBertEps = 1e-12;
  obstacle.unless(layout == HfLayout::kBert || arch.norm_eps == kDistilBertEps,
                  fmt::format("arch.norm_eps: {:g}: in DistilBERT, the class without token types, it is {:g}",
                              arch.norm_eps, kDistilBertEps));
  find_head_obstacle(model, layout, obstacle);
  return obstacle.text();
}

}  // namespace

HfLayout export_layout(const HfModel& model, HfFormat format) {
  const HfLayout stock = model.arch.embedding.token_types > 0 ? HfLayout::kBert : HfLayout::kDistilBert;
  const std::string not_original = original_obstacle(model);
  const std::string not_stock = stock_obstacle(model, stock);
  if (format != HfFormat::kTransformers && not_original.empty()) return HfLayout::kOriginal;
  if (format != HfFormat::kOriginal && not_stock.empty()) return stock;
  if (format == HfFormat::kTransformers) {
    throw InputError(
        fmt::format("export: --format transformers: no class of transformers computes this "
                    "model: {}",
                    not_stock));
  }
  if (format == HfFormat::kOriginal || model.arch.family == nn::Family::kCrammed) {
    throw InputError("export: " + not_original);
  }
  throw InputError(fmt::format("export: {}; nor does the original architecture compute this model: {}",
                               not_stock, not_original));
}

}  // namespace espalier::io
