#include "train/updater.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "train/not_finite.h"
#include "train/objective.h"

namespace espalier::train {
namespace {

optim::AdamWOptions adamw_options(const config::OptimizerConfig& config) {
  return {
      .beta1 = config.beta1, .beta2 = config.beta2, .eps = config.eps, .weight_decay = config.weight_decay};
}

}  // namespace

SequenceGroups SequenceGroups::whole(std::int64_t sequences) {
  return {.sequences = sequences, .size = sequences, .separable = false};
}

SequenceGroup SequenceGroups::group(std::int64_t index) const {
  const std::int64_t done = index * size;
  return {first + done, std::min(size, sequences - done), sequences};
}

// What a group's forward pass leaves.
struct Updater::Pass {
  nn::ForwardContext context;
  Variable loss;
  Variable objective;  // with the group's share of the entropy
};

Updater::Updater(nn::Module& model, const UpdaterOptions& options)
    : model_(model),
      options_(options),
      optimizer_(model.parameters(), adamw_options(options.optimizer)),
      sum_(model) {}

Updater::Pass Updater::forward(const SequenceGroup& group, GroupLoss loss, const UpdatePlan& plan,
                               std::int64_t number, ops::LayerStatistics* statistics) const {
  Pass pass;
  pass.context.training = true;
  pass.context.dropout = options_.dropout;
  pass.context.seed = options_.seed;
  pass.context.step = static_cast<std::uint64_t>(number);
  pass.context.routing = plan.routing.trees;
  pass.context.statistics = statistics;
  pass.loss = loss(group, pass.context);
  pass.objective =
      add_entropy(pass.loss, pass.context.entropies, plan.routing.entropy_weight * group.share());
  return pass;
}

// Tells what is not finite first: a weight, or an operation of a sequence (of a group, where sequences have
// no loss of their own) with its layer; nothing where no sequence does it alone.
void Updater::fail(const std::string& quantity, const SequenceGroups& groups, GroupLoss loss,
                   const UpdatePlan& plan) const {
  if (const std::string weight = weight_not_finite(model_); !weight.empty())
    throw NotFinite(quantity, weight);
  for (std::int64_t i = 0; i < groups.count(); ++i) {
    const SequenceGroup group = groups.group(i);
    const std::int64_t together = groups.separable ? 1 : group.sequences;
    for (std::int64_t done = 0; done < group.sequences; done += together) {
      const SequenceGroup part{group.first + done, together, together};
      const std::string operation =
          operation_not_finite([&] { backward(forward(part, loss, plan, plan.pass + i).objective); });
      if (operation.empty()) continue;
      throw NotFinite(quantity, operation, groups.separable ? std::optional(part.first) : std::nullopt);
    }
  }
  throw NotFinite(quantity, "");
}

UpdateResult Updater::update(const SequenceGroups& groups, GroupLoss loss, const UpdatePlan& plan) {
  using Clock = std::chrono::steady_clock;
  UpdateResult result;
  sum_.clear();
  for (std::int64_t i = 0; i < groups.count(); ++i) {
    const SequenceGroup group = groups.group(i);
    const Pass pass = forward(group, loss, plan, plan.pass + i, plan.statistics ? &result.trees : nullptr);
    result.loss += static_cast<double>(pass.loss.item());
    result.entropy += mean_value(pass.context.entropies) * group.share();
    if (!std::isfinite(pass.objective.item())) fail("the loss", groups, loss, plan);
    sum_.add(pass.objective);
  }
  frozen_.clear_gradients();
  const Clock::time_point begin = Clock::now();
  const optim::GradientNorm norm = optim::gradient_norm(optimizer_.slots());
  if (!norm.finite) fail(fmt::format("the gradient of `{}`", norm.not_finite), groups, loss, plan);
  optimizer_.step(plan.lr, optim::clip_factor(norm.norm, options_.optimizer.clip));
  result.norm = norm.norm;
  result.optimizer_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return result;
}

}  // namespace espalier::train
