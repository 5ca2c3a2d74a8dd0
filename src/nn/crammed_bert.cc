#include "espalier/nn/crammed_bert.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "kernels/isa.h"

namespace espalier::nn {

static constexpr std::size_t kNoLayer = static_cast<std::size_t>(-1);

static const CrammedBertOptions& validated(const CrammedBertOptions& options) {
  kernels::require_valid_isa();
  validate(options);
  return options;
}

CrammedBert::CrammedBert(const CrammedBertOptions& options)
    : options_(validated(options)), embedding_(options.embedding, options.hidden_size, options.norm_eps) {
  register_module("embedding", embedding_);
  for (std::int64_t i = 0; i < options.layers; ++i) {
    layers_.push_back(std::make_unique<EncoderLayer>(options));
    register_module(fmt::format("layers.{}", i), *layers_.back());
  }
  if (options.final_norm) {
    final_norm_ = std::make_unique<LayerNorm>(options.hidden_size, options.norm_eps);
    register_module("final_norm", *final_norm_);
  }
}

// forward(), and where AnomalyGuard ends it, which knows the operation alone, the part that it stands in:
// "encoder.NAME" or, with a layer, "encoder.NAME.LAYER".
template <class Forward>
static Variable inside(const char* name, std::size_t layer, const Forward& forward) {
  try {
    return forward();
  } catch (const RunError& error) {
    throw RunError(layer == kNoLayer ? fmt::format("encoder.{}: {}", name, error.what())
                                     : fmt::format("encoder.{}.{}: {}", name, layer, error.what()));
  }
}

Variable CrammedBert::forward(const IntTensor& ids, const Tensor& mask, ForwardContext& context) {
  context.entropies.clear();
  context.next_tree_layer = 0;
  context.next_dropout_site = 0;
  Variable x = inside("embedding", kNoLayer, [&] { return embedding_.forward(ids, context); });
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    x = inside("layers", i, [&] { return layers_[i]->forward(x, mask, context); });
  }
  return final_norm_ ? inside("final_norm", kNoLayer, [&] { return final_norm_->forward(x); }) : x;
}

void initialize(Module& model, double std, std::uint64_t seed) {
  for (NamedParameter& parameter : model.parameters()) {
    const std::string& name = parameter.name;
    const bool fixed =
        name.find("norm") != std::string::npos || name.ends_with("bias") || name.ends_with("scale_factor");
    if (!fixed) init_normal(parameter.value.mutable_value(), static_cast<float>(std), seed, name);
  }
}

}  // namespace espalier::nn
