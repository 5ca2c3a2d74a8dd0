#include "train/distill_start.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <vector>

#include "espalier/ops/linear.h"
#include "nn/activate.h"
#include "train/linear_fit.h"
#include "train/tree_fit.h"

namespace espalier::train {
namespace {

using Weights = std::map<std::string, Variable>;

// Of a feedforward layer, by their names in it.
Weights weights_of(nn::MaskedLm& model, std::int64_t layer) {
  Weights weights;
  for (const nn::NamedParameter& parameter : model.encoder().feed_forward(layer)->parameters())
    weights[parameter.name] = parameter.value;
  return weights;
}

// The units whose activations [n, units] times their outputs, columns of w_out [d, units], are largest on
// average.
std::vector<std::int64_t> top_units(const Tensor& activations, const Tensor& w_out,
                                    const std::vector<float>& factors, std::int64_t count) {
  const std::int64_t units = w_out.shape()[1];
  std::vector<double> squares(static_cast<std::size_t>(units)), lengths(squares);
  const auto add_squares = [units](const Tensor& rows, const std::vector<float>& of_row,
                                   std::vector<double>& sums) {
    for (std::int64_t i = 0; i < rows.size(); ++i) {
      const float factor = of_row.empty() ? 1.0F : of_row[static_cast<std::size_t>(i / units)];
      const double value = static_cast<double>(factor * rows.data()[i]);
      sums[static_cast<std::size_t>(i % units)] += value * value;
    }
  };
  add_squares(activations, factors, squares);
  add_squares(w_out, {}, lengths);
  std::vector<std::int64_t> order(squares.size());
  std::iota(order.begin(), order.end(), 0);
  const auto contribution = [&](std::int64_t unit) {
    return squares[static_cast<std::size_t>(unit)] * lengths[static_cast<std::size_t>(unit)];
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return contribution(a) > contribution(b); });
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  return order;
}

// Trees of depth 0 are a dense layer of GELU whose output has no bias: grown, all would begin alike and stay
// so.
bool takes_units(const nn::FeedForwardOptions& ffn) {
  if (ffn.type == nn::FeedForwardType::kDense) return ffn.width > 0;
  const bool gelu = ffn.activation == nn::Activation::kGelu || ffn.activation == nn::Activation::kGeluTanh;
  return ffn.type == nn::FeedForwardType::kNeuronTree && ffn.depth == 0 && gelu;
}

constexpr float kGeluOfOne = 0.841344746F;

// More units than the teacher has stay as they are: those of a dense layer as drawn, those of trees without
// output, which fit_layer() has made zero, so that they give nothing at first. Of trees one is left for the
// constant, of which it returns the output weights.
std::span<float> take_top_units(Weights& own, const Weights& teacher, nn::Activation activation,
                                const LayerSample& sample) {
  const Tensor& w_in = teacher.at("dense_in.weight").value();    // [units, d]
  const Tensor& w_out = teacher.at("dense_out.weight").value();  // [d, units]
  const auto bias = teacher.find("dense_in.bias");
  const bool biases = bias != teacher.end();
  const Variable hidden =
      ops::linear(Variable(sample.input), Variable(w_in), biases ? bias->second.detach() : Variable());
  const std::int64_t units = w_out.shape()[1], d = w_out.shape()[0];
  const bool trees = own.contains("linear_in.weight");
  Tensor& in = own.at(trees ? "linear_in.weight" : "dense_in.weight").mutable_value();
  Tensor& out = own.at(trees ? "linear_out.weight_t" : "dense_out.weight").mutable_value();
  const std::int64_t own_units = in.shape()[0];
  const std::int64_t count = std::min(trees && own_units > 1 ? own_units - 1 : own_units, units);
  const std::vector<std::int64_t> kept =
      top_units(nn::activate(activation, hidden).value(), w_out, sample.factors, count);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t unit = kept[static_cast<std::size_t>(i)];
    std::copy_n(w_in.data() + unit * d, d, in.data() + i * d);
    for (std::int64_t j = 0; j < d; ++j)
      out.data()[trees ? i * d + j : j * own_units + i] = w_out.data()[j * units + unit];
    if (biases) {
      own.at(trees ? "linear_in.bias" : "dense_in.bias").mutable_value().data()[i] =
          bias->second.value().data()[unit];
    }
  }
  if (!trees) {
    if (biases) own.at("dense_out.bias").mutable_value().copy_from(teacher.at("dense_out.bias").value());
    return {};
  }
  if (count == own_units) return {};
  std::fill_n(in.data() + count * d, d, 0.0F);
  own.at("linear_in.bias").mutable_value().data()[count] = 1.0F;
  return out.span().subspan(static_cast<std::size_t>(count * d), static_cast<std::size_t>(d));
}

// What the layer, as it is, leaves of the sample's output.
Tensor left_by(nn::MaskedLm& student, std::int64_t layer, const LayerSample& sample) {
  nn::ForwardContext context;
  const Tensor given =
      student.encoder().feed_forward(layer)->forward(Variable(sample.input), context).value();
  Tensor left = sample.output.clone();
  for (std::int64_t i = 0; i < left.size(); ++i) left.data()[i] -= given.data()[i];
  return left;
}

void add_mean(const Tensor& rows, const std::vector<float>& factors, float scale, std::span<float> bias) {
  const std::vector<double> mean = column_means(rows, factors);
  for (std::size_t j = 0; j < mean.size(); ++j) bias[j] += scale * static_cast<float>(mean[j]);
}

}  // namespace

bool can_be_fitted(const nn::FeedForwardOptions& ffn) {
  return ffn.linear_rank > 0 || takes_units(ffn) ||
         (ffn.type == nn::FeedForwardType::kNeuronTree && ffn.depth > 0);
}

void fit_layer(nn::MaskedLm& student, nn::MaskedLm& teacher, std::int64_t layer, const LayerSample& sample) {
  const NoGradGuard no_grad;
  const nn::FeedForwardOptions ffn = nn::layer_options(student.options(), layer).ffn;
  Weights own = weights_of(student, layer);
  const auto of_own = [&own](const char* name) -> Tensor* {
    const auto found = own.find(name);
    return found == own.end() ? nullptr : &found->second.mutable_value();
  };
  for (const char* output : {"linear_path.up.weight", "linear_path.up.bias", "linear_out.weight_t"}) {
    if (Tensor* weight = of_own(output)) weight->fill(0.0F);
  }
  if (takes_units(ffn)) {
    const std::span<float> constant = take_top_units(own, weights_of(teacher, layer), ffn.activation, sample);
    const Tensor left = left_by(student, layer, sample);
    if (!constant.empty()) add_mean(left, sample.factors, 1 / kGeluOfOne, constant);
    if (Tensor* bias = of_own("dense_out.bias")) add_mean(left, sample.factors, 1, bias->span());
  }
  if (ffn.linear_rank > 0) {
    Tensor* bias = of_own("linear_path.up.bias");
    const LinearFit fit = fit_linear(sample.input, left_by(student, layer, sample), ffn.linear_rank,
                                     bias != nullptr, sample.factors);
    of_own("linear_path.down.weight")->copy_from(fit.down);
    of_own("linear_path.up.weight")->copy_from(fit.up);
    if (bias != nullptr) bias->copy_from(fit.bias);
  }
  if (ffn.type == nn::FeedForwardType::kNeuronTree && ffn.depth > 0) {
    Tensor left = left_by(student, layer, sample);
    TreeWeights trees{*of_own("linear_in.weight"), *of_own("linear_in.bias"), *of_own("linear_out.weight_t")};
    grow_trees(sample.input, left, nn::tree_size(ffn), trees);
  }
}

}  // namespace espalier::train
