#include "train/distiller.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "espalier/base/interrupt.h"
#include "espalier/base/log.h"
#include "espalier/base/parallel.h"
#include "espalier/model/loaded_model.h"
#include "espalier/ops/elementwise.h"
#include "espalier/ops/kl_divergence.h"
#include "espalier/ops/mean_squared_error.h"
#include "kernels/mean_squared_error.h"
#include "kernels/reduce.h"
#include "train/agreement.h"
#include "train/distill_start.h"
#include "train/evaluation_batches.h"
#include "train/not_finite.h"

namespace espalier::train {
namespace {

// Tokens that the teacher reads at once beside training.
constexpr std::int64_t kBatchTokens = 4096;

std::int64_t batch_sequences(const data::MaskedLmLoader& loader) {
  return std::max<std::int64_t>(1, kBatchTokens / loader.sequence_length());
}

double squares(const Tensor& x) {
  return kernels::dot(x.size(), x.data(), x.data());
}

// 1 / |row|, of each row.
std::vector<float> inverse_lengths(const Tensor& rows) {
  const std::int64_t width = rows.shape().columns();
  std::vector<float> result(static_cast<std::size_t>(rows.shape().rows()));
  for (std::size_t r = 0; r < result.size(); ++r) {
    const float* row = rows.data() + static_cast<std::int64_t>(r) * width;
    result[r] = static_cast<float>(1.0 / std::sqrt(std::max(kernels::dot(width, row, row), 1e-30)));
  }
  return result;
}

// |given - wanted|^2 / |wanted|^2, of all rows together or the mean over rows of each.
Variable relative_squares(const Variable& given, const Tensor& wanted, config::RelativeTo relative_to) {
  if (relative_to == config::RelativeTo::kToken) {
    const std::vector<float> of_row = inverse_lengths(wanted);
    const std::int64_t width = wanted.shape().columns();
    Tensor factors = Tensor::empty(wanted.shape()), scaled = wanted.clone();
    for (std::int64_t i = 0; i < scaled.size(); ++i) {
      factors.data()[i] = of_row[static_cast<std::size_t>(i / width)];
      scaled.data()[i] *= factors.data()[i];
    }
    const Variable error = ops::mean_squared_error(ops::multiply(given, Variable(factors)), scaled);
    return ops::scale(error, static_cast<float>(width));
  }
  const double factor = static_cast<double>(wanted.size()) / std::max(squares(wanted), 1e-30);
  return ops::scale(ops::mean_squared_error(given, wanted), static_cast<float>(factor));
}

// Whether a parameter is of a feedforward layer of these.
bool is_of_layers(const std::string& name, const std::vector<std::int64_t>& layers) {
  return std::any_of(layers.begin(), layers.end(), [&](std::int64_t layer) {
    return name.starts_with(fmt::format("encoder.layers.{}.ffn.", layer));
  });
}

// Appends the sums of squares from which a relative error comes.
void append_error(const Tensor& given, const Tensor& wanted, std::vector<double>& numbers) {
  numbers.push_back(kernels::sum_of_squared_differences(wanted.size(), given.data(), wanted.data()));
  numbers.push_back(squares(wanted));
}

struct ErrorSum {
  double difference = 0, wanted = 0;

  void add(NumberReader& reader) {
    difference += reader.next();
    wanted += reader.next();
  }
  double relative() const { return std::sqrt(difference / std::max(wanted, 1e-30)); }
};

}  // namespace

// What the teacher reads and gives in each new layer, and its last states.
struct Distiller::Targets {
  std::vector<LayerSample> layers;
  Tensor hidden;
};

Distiller::Distiller(const config::PretrainConfig& config, const io::Checkpoint& init)
    : config_(config.distill), teacher_(std::make_unique<nn::MaskedLm>(model::arch_of(init, config.init))) {
  model::load_weights(*teacher_, init.model, config.init);
  require_finite(*teacher_, config.init);
}

Distiller::Targets Distiller::targets(const nn::Tokens& tokens) const {
  const NoGradGuard no_grad;
  std::vector<nn::FeedForwardTrace> traces;
  nn::ForwardContext context;
  context.traces = &traces;
  Targets result;
  result.hidden = teacher_->encoder().forward(tokens, context).value();
  for (const std::int64_t layer : config_.layers) {
    const nn::FeedForwardTrace& trace = traces.at(static_cast<std::size_t>(layer));
    result.layers.push_back({trace.input.value(), trace.output.value(), {}});
  }
  return result;
}

nn::Tokens Distiller::tokens_of(const data::MaskedBatch& batch) const {
  if (predicts()) return {batch.ids};
  IntTensor ids = batch.ids.clone();
  for (std::size_t i = 0; i < batch.positions.size(); ++i) ids.data()[batch.positions[i]] = batch.targets[i];
  return {ids};
}

void Distiller::start(nn::MaskedLm& student, const data::MaskedLmLoader& loader) const {
  std::map<std::string, Tensor> weights;
  for (const nn::NamedParameter& parameter : teacher_->parameters())
    weights[parameter.name] = parameter.value.value();
  for (nn::NamedParameter& parameter : student.parameters()) {
    const auto found = weights.find(parameter.name);
    if (found != weights.end() && !is_of_layers(parameter.name, config_.layers))
      parameter.value.mutable_value().copy_from(found->second);
  }
  if (config_.start_tokens == 0) return;
  if (!can_be_fitted(student.options().ffn)) {
    log_info(fmt::format("new feedforward layers begin at random: there is no fit of {}",
                         nn::describe(student.options().ffn)));
    return;
  }
  const std::int64_t length = loader.sequence_length(), width = student.options().hidden_size;
  const std::int64_t sequences = std::min((config_.start_tokens + length - 1) / length, loader.sequences());
  log_info(fmt::format("fitting {} new feedforward layers to {} tokens", config_.layers.size(),
                       sequences * length));
  std::vector<LayerSample> samples;
  for (std::size_t i = 0; i < config_.layers.size(); ++i) {
    samples.push_back(
        {Tensor::empty({sequences * length, width}), Tensor::empty({sequences * length, width}), {}});
  }
  const char* const stopped =
      "stopped while fitting new layers; nothing is saved yet, and the same command begins again";
  for (std::int64_t first = 0; first < sequences; first += batch_sequences(loader)) {
    leave_if_asked(stopped);
    const std::int64_t count = std::min(batch_sequences(loader), sequences - first);
    const data::MaskedBatch batch = loader.batch(first, count);
    const Targets found = targets(tokens_of(batch));
    const Shape rows{count * length, width};
    for (std::size_t i = 0; i < samples.size(); ++i) {
      samples[i]
          .input.slice_rows(first * length, (first + count) * length)
          .copy_from(found.layers[i].input.reshape(rows));
      samples[i]
          .output.slice_rows(first * length, (first + count) * length)
          .copy_from(found.layers[i].output.reshape(rows));
    }
  }
  parallel_for(static_cast<std::int64_t>(samples.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end && interrupt_signal() == 0; ++i) {
      const auto index = static_cast<std::size_t>(i);
      if (config_.relative_to == config::RelativeTo::kToken)
        samples[index].factors = inverse_lengths(samples[index].output);
      fit_layer(student, *teacher_, config_.layers[index], samples[index]);
    }
  });
  leave_if_asked(stopped);
}

Variable Distiller::layer_losses(nn::MaskedLm& student, const nn::Tokens& tokens,
                                 nn::ForwardContext& context) const {
  const Targets wanted = targets(tokens);
  Variable sum;
  for (std::size_t i = 0; i < wanted.layers.size(); ++i) {
    nn::FeedForward& layer = *student.encoder().feed_forward(config_.layers[i]);
    const Variable given = layer.forward(Variable(wanted.layers[i].input), context);
    const Variable loss = relative_squares(given, wanted.layers[i].output, config_.relative_to);
    sum = sum.defined() ? ops::add(sum, loss) : loss;
  }
  return ops::scale(sum, static_cast<float>(1.0 / static_cast<double>(wanted.layers.size())));
}

Variable Distiller::loss(nn::MaskedLm& student, const data::MaskedBatch& batch, double t,
                         nn::ForwardContext& context) const {
  const nn::Tokens tokens = tokens_of(batch);
  if (t < config_.layerwise_until) return layer_losses(student, tokens, context);
  if (!predicts()) {
    const Tensor wanted = targets(tokens).hidden;
    return relative_squares(student.encoder().forward(tokens, context), wanted, config_.relative_to);
  }
  Tensor wanted;
  {
    const NoGradGuard no_grad;
    nn::ForwardContext of_teacher;
    wanted = teacher_->logits(tokens, batch.positions, of_teacher).value();
  }
  return ops::kl_divergence(student.logits(tokens, batch.positions, context), wanted,
                            static_cast<double>(batch.positions.size()));
}

DistillScores Distiller::evaluate(nn::MaskedLm& student, const data::MaskedLmLoader& loader,
                                  std::int64_t sequences, double temperature,
                                  ops::LayerStatistics& trees) const {
  const NoGradGuard no_grad;
  const auto compute = [&](const data::MaskedBatch& batch, double /*done*/, std::vector<double>& numbers) {
    const nn::Tokens tokens = tokens_of(batch);
    const Targets wanted = targets(tokens);
    for (std::size_t i = 0; i < wanted.layers.size(); ++i) {
      nn::ForwardContext alone;
      nn::FeedForward& layer = *student.encoder().feed_forward(config_.layers[i]);
      append_error(layer.forward(Variable(wanted.layers[i].input), alone).value(), wanted.layers[i].output,
                   numbers);
    }
    ops::LayerStatistics statistics;
    nn::ForwardContext context;
    context.routing.temperature = static_cast<float>(temperature);
    context.statistics = &statistics;
    append_error(student.encoder().forward(tokens, context).value(), wanted.hidden, numbers);
    append(statistics, numbers);
    if (!predicts()) return;
    context.statistics = nullptr;
    nn::ForwardContext of_teacher;
    const Tensor logits = teacher_->logits(tokens, batch.positions, of_teacher).value();
    const Variable found = student.logits(tokens, batch.positions, context);
    numbers.insert(numbers.end(), {static_cast<double>(ops::kl_divergence(found, logits, 1.0).item()),
                                   static_cast<double>(batch.positions.size())});
  };
  std::vector<ErrorSum> layers(config_.layers.size());
  ErrorSum hidden;
  double divergence = 0;
  std::int64_t predictions = 0;
  for_each_batch(loader, sequences, batch_sequences(loader), compute, [&](NumberReader& reader) {
    for (ErrorSum& layer : layers) layer.add(reader);
    hidden.add(reader);
    add_layers(reader.next_layers(), trees);
    if (!predicts()) return;
    divergence += reader.next();
    predictions += reader.next_count();
  });
  DistillScores scores;
  scores.layers = config_.layers;
  for (const ErrorSum& layer : layers) scores.layer_errors.push_back(layer.relative());
  scores.hidden_error = hidden.relative();
  if (predicts())
    scores.kl_divergence = divergence / static_cast<double>(std::max<std::int64_t>(predictions, 1));
  return scores;
}

nn::MaskedLm& freeze_all_but(nn::MaskedLm& student, const std::vector<std::int64_t>& layers) {
  for (nn::NamedParameter& parameter : student.parameters()) {
    if (!is_of_layers(parameter.name, layers)) parameter.value.set_requires_grad(false);
  }
  return student;
}

}  // namespace espalier::train
