#include "train/pretrain_update.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/ops/elementwise.h"
#include "train/agreement.h"
#include "train/not_finite.h"

namespace espalier::train {
namespace {

// Tokens of one forward and backward pass, at most. More make nothing faster, and passes of a fixed size give
// the same bits for every larger micro-batch.
constexpr std::int64_t kPassTokens = 4096;

SequenceGroups cut(const config::PretrainConfig& config, std::int64_t length, std::int64_t first,
                   std::int64_t sequences) {
  const std::int64_t longest = std::max(kPassTokens / length, std::int64_t{1});
  return SequenceGroups::cut(first, sequences, std::min(config.micro_batch, longest), config.gradient_groups);
}

[[noreturn]] void fail(const PretrainRun& run, const SequenceGroups& groups, const NotFinite& found) {
  std::string first = found.origin.empty() ? "" : "; first ";
  if (found.sequence) first += fmt::format("data sequence {}: ", *found.sequence);
  throw RunError(fmt::format(
      "step {}: {} is not finite (data sequences {} to {}{}{}); the step was not applied. {} Lower train.lr.",
      run.state.step + 1, found.quantity, groups.first, groups.first + groups.sequences - 1, first,
      found.origin, run.directory.last_checkpoint()));
}

// Updater::update(); what is not finite is told with step and sequences, whether the updater finds it or
// train.detect_anomaly.
UpdateResult update_or_tell(PretrainRun& run, const SequenceGroups& groups, GroupLoss loss,
                            const UpdatePlan& plan) {
  try {
    return run.updater.update(groups, loss, plan);
  } catch (const NotFinite& found) {
    fail(run, groups, found);
  } catch (const RunError& error) {
    if (!run.config.detect_anomaly) throw;
    throw RunError(fmt::format("step {} (data sequences {} to {}): {}", run.state.step + 1, groups.first,
                               groups.first + groups.sequences - 1, error.what()));
  }
}

}  // namespace

void require_gradient_groups(const config::PretrainConfig& config, std::int64_t length) {
  const SequenceGroups groups = cut(config, length, 0, config.batch_size);
  require_gradient_groups(groups.gradient_groups, config.batch_size);
}

PretrainPlan plan_update(const config::PretrainConfig& config, double t) {
  PretrainPlan plan;
  plan.used = t;
  plan.lr = config.optimizer.lr * optim::learning_rate_factor(config.schedule, t, config.warmup);
  plan.sequences = optim::ramped_batch(config.batch_size, config.micro_batch, config.batch_ramp, t);
  plan.routing = routing_of(config, t);
  return plan;
}

RoutingState routing_of(const config::PretrainConfig& config, double t) {
  return nn::has_trees(config.arch.ffn) ? routing_at(config.routing, config.arch.ffn.depth, t)
                                        : RoutingState();
}

PretrainResult update(PretrainRun& run, const PretrainPlan& plan, bool statistics) {
  const std::int64_t predictions = run.train.predictions_per_sequence();
  const auto loss = [&](const SequenceGroup& group, nn::ForwardContext& context) -> GroupResult {
    data::MaskedBatch& batch = run.batch;
    run.train.read_batch(group.first, group.sequences, batch);
    if (run.distiller) {
      const Variable part = run.distiller->loss(run.model, batch, plan.used, context);
      return ops::scale(part, static_cast<float>(group.share()));
    }
    const nn::MaskedLmResult part = run.model.loss({batch.ids}, batch.positions, batch.targets,
                                                   static_cast<double>(group.of * predictions), context);
    return {part.loss, part.correct};
  };
  const SequenceGroups groups =
      cut(run.config, run.train.sequence_length(), run.state.sequences, plan.sequences);
  PretrainResult result;
  result.update = update_or_tell(
      run, groups, loss,
      {.lr = plan.lr, .routing = plan.routing, .pass = run.state.micro_step, .statistics = statistics});
  if (result.update.abandoned) return result;
  if (!run.distiller)
    result.accuracy =
        static_cast<double>(result.update.correct) / static_cast<double>(plan.sequences * predictions);
  ++run.state.step;
  run.state.micro_step += groups.count;
  run.state.sequences += plan.sequences;
  run.state.tokens += plan.sequences * run.train.sequence_length();
  return result;
}

}  // namespace espalier::train
