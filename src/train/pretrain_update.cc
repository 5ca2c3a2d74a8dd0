#include "train/pretrain_update.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/error.h"
#include "train/not_finite.h"
#include "train/objective.h"

namespace espalier::train {
namespace {

nn::ForwardContext training_context(const PretrainRun& run, const UpdatePlan& plan) {
  nn::ForwardContext context;
  context.training = true;
  context.dropout = run.config.dropout;
  context.seed = run.config.seed;
  context.step = static_cast<std::uint64_t>(run.state.micro_step);
  context.routing = plan.routing.routing;
  context.routing.leak_seed = run.config.seed;
  context.routing.leak_step = context.step;
  return context;
}

// What is not finite in this update, one sequence after another: a weight, or an operation with its layer and
// the sequence. Empty if no sequence does it alone.
std::string origin_of(PretrainRun& run, const UpdatePlan& plan) {
  const std::string weight = weight_not_finite(run.model);
  if (!weight.empty()) return weight;
  const auto predictions = static_cast<double>(run.train.predictions_per_sequence());
  for (std::int64_t i = run.state.sequences; i < run.state.sequences + plan.sequences; ++i) {
    run.train.read_batch(i, 1, run.batch);
    const std::string operation = operation_not_finite([&] {
      nn::ForwardContext context = training_context(run, plan);
      const nn::MaskedLmResult result = run.model.loss(run.batch.ids, Tensor(), run.batch.positions,
                                                       run.batch.targets, predictions, context);
      backward(add_entropy(result.loss, context.entropies, plan.routing.entropy_weight));
    });
    if (!operation.empty()) return fmt::format("data sequence {}: {}", i, operation);
  }
  return "";
}

[[noreturn]] void fail_not_finite(PretrainRun& run, const UpdatePlan& plan, const std::string& what) {
  const std::filesystem::path last = run.directory.path() / "last.h5";
  const std::string origin = origin_of(run, plan);
  throw RunError(fmt::format(
      "step {}: {} is not finite (data sequences {} to {}{}); the step was not applied. {} Lower train.lr.",
      run.state.step + 1, what, run.state.sequences, run.state.sequences + plan.sequences - 1,
      origin.empty() ? "" : "; first " + origin,
      std::filesystem::exists(last) ? fmt::format("The last good checkpoint is {}.", last.string())
                                    : std::string("No checkpoint had been written yet.")));
}

// Tokens of one forward and backward pass, at most. More make nothing faster, and passes of a fixed size give
// the same bits for every larger micro-batch.
constexpr std::int64_t kPassTokens = 4096;

// Forward and backward over the passes of one update; gradients are left in the parameters.
UpdateResult accumulate(PretrainRun& run, const UpdatePlan& plan, bool statistics) {
  const config::PretrainConfig& config = run.config;
  UpdateResult result;
  const double predictions = static_cast<double>(plan.sequences * run.train.predictions_per_sequence());
  const std::int64_t longest = std::max(kPassTokens / run.train.sequence_length(), std::int64_t{1});
  const std::int64_t pass = std::min(config.micro_batch, longest);
  std::int64_t correct = 0;
  for (std::int64_t done = 0; done < plan.sequences; done += pass) {
    const std::int64_t sequences = std::min(pass, plan.sequences - done);
    run.train.read_batch(run.state.sequences + done, sequences, run.batch);
    const data::MaskedBatch& batch = run.batch;
    nn::ForwardContext context = training_context(run, plan);
    if (statistics) context.statistics = &result.trees;
    const nn::MaskedLmResult part =
        run.model.loss(batch.ids, Tensor(), batch.positions, batch.targets, predictions, context);
    const double share = static_cast<double>(sequences) / static_cast<double>(plan.sequences);
    const Variable objective = add_entropy(part.loss, context.entropies, plan.routing.entropy_weight * share);
    result.loss += static_cast<double>(part.loss.item());
    result.entropy += mean_value(context.entropies) * share;
    correct += part.correct;
    ++run.state.micro_step;
    if (!std::isfinite(objective.item())) fail_not_finite(run, plan, "the loss");
    backward(objective);
  }
  result.accuracy = static_cast<double>(correct) / predictions;
  return result;
}

// accumulate(); what train.detect_anomaly finds is told with step and sequences.
UpdateResult accumulate_watched(PretrainRun& run, const UpdatePlan& plan, bool statistics) {
  if (!run.config.detect_anomaly) return accumulate(run, plan, statistics);
  try {
    return accumulate(run, plan, statistics);
  } catch (const RunError& error) {
    throw RunError(fmt::format("step {} (data sequences {} to {}): {}", run.state.step + 1,
                               run.state.sequences, run.state.sequences + plan.sequences - 1, error.what()));
  }
}

}  // namespace

UpdatePlan plan_update(const config::PretrainConfig& config, double t) {
  UpdatePlan plan;
  plan.lr = config.optimizer.lr * optim::learning_rate_factor(config.schedule, t, config.warmup);
  plan.sequences = optim::ramped_batch(config.batch_size, config.micro_batch, config.batch_ramp, t);
  plan.routing = routing_at(config.routing, config.arch.ffn.depth, t);
  return plan;
}

UpdateResult update(PretrainRun& run, const UpdatePlan& plan, bool statistics) {
  run.model.clear_gradients();
  UpdateResult result = accumulate_watched(run, plan, statistics);
  const optim::GradientNorm norm = optim::gradient_norm(run.optimizer.slots());
  if (!norm.finite) fail_not_finite(run, plan, fmt::format("the gradient of `{}`", norm.not_finite));
  result.norm = norm.norm;
  run.optimizer.step(plan.lr, optim::clip_factor(norm.norm, run.config.optimizer.clip));
  ++run.state.step;
  run.state.sequences += plan.sequences;
  run.state.tokens += plan.sequences * run.train.sequence_length();
  return result;
}

}  // namespace espalier::train
