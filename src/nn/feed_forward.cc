#include "espalier/nn/feed_forward.h"

#include "espalier/nn/fff.h"
#include "espalier/ops/gelu.h"
#include "nn/activate.h"

namespace espalier::nn {
namespace {

// linear, activation (or the gated unit), linear; `dense_in.weight` and `dense_out.weight` as in the
// original.
class DenseFeedForward : public FeedForward {
 public:
  explicit DenseFeedForward(const EncoderOptions& options)
      : gated_(options.ffn.type == FeedForwardType::kGated),
        activation_(options.ffn.activation),
        dense_in_(options.hidden_size, options.ffn.width, options.use_bias),
        dense_out_(width_out(options.ffn), options.hidden_size, options.use_bias) {
    register_module("dense_in", dense_in_);
    register_module("dense_out", dense_out_);
  }
  static void describe(const ParameterList& list, const EncoderOptions& options) {
    const std::int64_t d = options.hidden_size;
    Linear::describe(list.child("dense_in"), d, options.ffn.width, options.use_bias);
    Linear::describe(list.child("dense_out"), width_out(options.ffn), d, options.use_bias);
  }

  Variable forward(const Variable& x, ForwardContext& /*context*/) override {
    const Variable hidden = dense_in_.forward(x);
    return dense_out_.forward(gated_ ? ops::gated_gelu(hidden) : activate(activation_, hidden));
  }

 private:
  // What the second layer reads.
  static std::int64_t width_out(const FeedForwardOptions& ffn) {
    return ffn.type == FeedForwardType::kGated ? ffn.width / 2 : ffn.width;
  }

  bool gated_;
  Activation activation_;
  Linear dense_in_;
  Linear dense_out_;
};

}  // namespace

std::unique_ptr<FeedForward> make_feed_forward(const EncoderOptions& options) {
  if (!has_feed_forward(options.ffn)) return nullptr;
  if (has_trees(options.ffn)) {
    return std::make_unique<Fff>(options.ffn, options.hidden_size, options.hidden_size);
  }
  return std::make_unique<DenseFeedForward>(options);
}

void describe_feed_forward(const ParameterList& list, const EncoderOptions& options) {
  if (!has_feed_forward(options.ffn)) return;
  if (has_trees(options.ffn)) {
    return Fff::describe(list, options.ffn, options.hidden_size, options.hidden_size);
  }
  DenseFeedForward::describe(list, options);
}

}  // namespace espalier::nn
