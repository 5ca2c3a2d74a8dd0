#include "espalier/nn/feed_forward.h"

#include "espalier/nn/fff.h"
#include "espalier/ops/elementwise.h"
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
        dense_in_(options.hidden_size, options.ffn.width, options.use_bias, weight_in(options.ffn)),
        dense_out_(width_out(options.ffn), options.hidden_size, options.use_bias) {
    register_module("dense_in", dense_in_);
    register_module("dense_out", dense_out_);
  }
  static void describe(const ParameterList& list, const EncoderOptions& options) {
    const std::int64_t d = options.hidden_size;
    Linear::describe(list.child("dense_in"), d, options.ffn.width, options.use_bias, weight_in(options.ffn));
    Linear::describe(list.child("dense_out"), width_out(options.ffn), d, options.use_bias);
  }

  Variable forward(const Variable& x, ForwardContext& /*context*/) override {
    const Variable hidden = dense_in_.forward(x);
    return dense_out_.forward(gated_ ? ops::gated_gelu(hidden, precision())
                                     : activate(activation_, hidden, precision()));
  }

 private:
  // Gated: the matrix of the units above that of their gates.
  static LinearWeight weight_in(const FeedForwardOptions& ffn) {
    return {.turns = {.matrices = ffn.type == FeedForwardType::kGated ? 2 : 1}};
  }
  // What the second layer reads.
  static std::int64_t width_out(const FeedForwardOptions& ffn) {
    return ffn.type == FeedForwardType::kGated ? ffn.width / 2 : ffn.width;
  }

  bool gated_;
  Activation activation_;
  Linear dense_in_;
  Linear dense_out_;
};

// The layer without the linear path; null: that is all there is.
std::unique_ptr<FeedForward> make_units(const EncoderOptions& options) {
  if (has_trees(options.ffn)) {
    return std::make_unique<Fff>(options.ffn, options.hidden_size, options.hidden_size);
  }
  if (options.ffn.width == 0) return nullptr;
  return std::make_unique<DenseFeedForward>(options);
}

void describe_units_of_layer(const ParameterList& list, const EncoderOptions& options) {
  if (has_trees(options.ffn)) {
    return Fff::describe(list, options.ffn, options.hidden_size, options.hidden_size);
  }
  if (options.ffn.width != 0) DenseFeedForward::describe(list, options);
}

// The linear path beside the units, whose parameters keep the names that they have without it. One bias
// suffices: another of `down` would only be multiplied by `up`. The trees have no bias of their own outputs.
class WithLinearPath : public FeedForward {
 public:
  explicit WithLinearPath(const EncoderOptions& options)
      : units_(make_units(options)),
        down_(options.hidden_size, options.ffn.linear_rank, false),
        up_(options.ffn.linear_rank, options.hidden_size, options.use_bias) {
    if (units_) register_module("", *units_);
    register_module("linear_path.down", down_);
    register_module("linear_path.up", up_);
  }
  static void describe(const ParameterList& list, const EncoderOptions& options) {
    const std::int64_t d = options.hidden_size;
    describe_units_of_layer(list, options);
    Linear::describe(list.child("linear_path.down"), d, options.ffn.linear_rank, false);
    Linear::describe(list.child("linear_path.up"), options.ffn.linear_rank, d, options.use_bias);
  }

  Variable forward(const Variable& x, ForwardContext& context) override {
    const Variable path = up_.forward(down_.forward(x));
    return units_ ? ops::add(units_->forward(x, context), path) : path;
  }

 private:
  std::unique_ptr<FeedForward> units_;  // null: the path alone
  Linear down_;
  Linear up_;
};

}  // namespace

std::unique_ptr<FeedForward> make_feed_forward(const EncoderOptions& options) {
  if (options.ffn.linear_rank > 0) return std::make_unique<WithLinearPath>(options);
  return make_units(options);
}

void describe_feed_forward(const ParameterList& list, const EncoderOptions& options) {
  if (options.ffn.linear_rank > 0) return WithLinearPath::describe(list, options);
  describe_units_of_layer(list, options);
}

}  // namespace espalier::nn
