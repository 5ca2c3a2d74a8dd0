#include "espalier/nn/feed_forward.h"

#include "espalier/nn/fff.h"
#include "espalier/ops/gelu.h"

namespace espalier::nn {
namespace {

// linear, GELU (or the gated unit), linear; `dense_in.weight` and `dense_out.weight` as in the original.
class DenseFeedForward : public FeedForward {
 public:
  DenseFeedForward(const CrammedBertOptions& options, bool gated)
      : gated_(gated),
        dense_in_(options.hidden_size, options.ffn.width, options.use_bias),
        dense_out_(gated ? options.ffn.width / 2 : options.ffn.width, options.hidden_size, options.use_bias) {
    register_module("dense_in", dense_in_);
    register_module("dense_out", dense_out_);
  }

  Variable forward(const Variable& x, ForwardContext& /*context*/) override {
    const Variable hidden = dense_in_.forward(x);
    return dense_out_.forward(gated_ ? ops::gated_gelu(hidden) : ops::gelu(hidden));
  }

 private:
  bool gated_;
  Linear dense_in_;
  Linear dense_out_;
};

}  // namespace

std::unique_ptr<FeedForward> make_feed_forward(const CrammedBertOptions& options) {
  switch (options.ffn.type) {
    case FeedForwardType::kNeuronTree:
    case FeedForwardType::kLeafTree:
      return std::make_unique<Fff>(options.ffn, options.hidden_size, options.hidden_size);
    case FeedForwardType::kDense:
    case FeedForwardType::kGated:
      if (options.ffn.width == 0) return nullptr;
      return std::make_unique<DenseFeedForward>(options, options.ffn.type == FeedForwardType::kGated);
  }
  return nullptr;
}

}  // namespace espalier::nn
