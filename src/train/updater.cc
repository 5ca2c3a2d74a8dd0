#include "train/updater.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <optional>
#include <utility>

#include "espalier/base/interrupt.h"
#include "espalier/processes/processes.h"
#include "train/agreement.h"
#include "train/not_finite.h"
#include "train/number_list.h"
#include "train/objective.h"

namespace espalier::train {
namespace {

// Of an update, where it is large enough. Enough for as many processes; more would keep more gradients
// beside.
constexpr std::int64_t kGradientGroups = 8;

optim::OptimizerOptions optimizer_options(const config::OptimizerConfig& config) {
  return {.kind = config.kind,
          .adamw = {.beta1 = config.beta1,
                    .beta2 = config.beta2,
                    .eps = config.eps,
                    .weight_decay = config.weight_decay},
          .muon = {.momentum = config.momentum, .weight_decay = config.weight_decay}};
}

}  // namespace

SequenceGroups SequenceGroups::whole(std::int64_t sequences, std::int64_t gradient_groups) {
  SequenceGroups groups = cut(0, sequences, sequences, gradient_groups);
  groups.separable = false;
  return groups;
}

SequenceGroups SequenceGroups::cut(std::int64_t first, std::int64_t sequences, std::int64_t longest,
                                   std::int64_t gradient_groups) {
  SequenceGroups groups{.first = first, .sequences = sequences};
  if (gradient_groups == 0) {
    const std::int64_t whole = std::clamp(sequences / longest, std::int64_t{1}, kGradientGroups);
    gradient_groups = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(whole)));
  }
  groups.gradient_groups = std::min(gradient_groups, sequences);
  groups.count = std::max((sequences - 1) / longest + 1, groups.gradient_groups);
  return groups;
}

processes::Range SequenceGroups::groups_of(std::int64_t gradient_group) const {
  return {count * gradient_group / gradient_groups, count * (gradient_group + 1) / gradient_groups};
}

SequenceGroup SequenceGroups::group(std::int64_t index) const {
  const std::int64_t begin = sequences * index / count, end = sequences * (index + 1) / count;
  return {first + begin, end - begin, sequences};
}

// What a group's forward pass leaves.
struct Updater::Pass {
  nn::ForwardContext context;
  Variable loss;
  Variable objective;  // with the group's share of the entropy
  std::int64_t correct = 0;
};

struct Updater::Sums {
  double loss = 0, entropy = 0;
  std::int64_t correct = 0;
  bool abandoned = false;
  ops::LayerStatistics trees;
};

Updater::Updater(nn::Module& model, const UpdaterOptions& options)
    : model_(model),
      options_(options),
      optimizer_(model.parameters(), optimizer_options(options.optimizer)),
      sum_(model) {
  if (options.optimizer.kind == optim::OptimizerKind::kMuon) require_same_bfloat16("train.optimizer: muon");
}

Updater::Pass Updater::forward(const SequenceGroup& group, GroupLoss loss, const UpdatePlan& plan,
                               std::int64_t number, ops::LayerStatistics* statistics) const {
  Pass pass;
  pass.context.training = true;
  pass.context.dropout = options_.dropout;
  pass.context.seed = options_.seed;
  pass.context.step = static_cast<std::uint64_t>(number);
  pass.context.routing = plan.routing.trees;
  pass.context.statistics = statistics;
  GroupResult result = loss(group, pass.context);
  pass.loss = std::move(result.loss);
  pass.correct = result.correct;
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
  for (std::int64_t i = 0; i < groups.count; ++i) {
    const SequenceGroup group = groups.group(i);
    const std::int64_t together = groups.separable ? 1 : group.sequences;
    for (std::int64_t done = 0; done < group.sequences; done += together) {
      const SequenceGroup part{group.first + done, together, together};
      model_.clear_gradients();  // of the sequences before
      const std::string operation =
          operation_not_finite([&] { backward(forward(part, loss, plan, plan.pass + i).objective); });
      if (operation.empty()) continue;
      throw NotFinite(quantity, operation, groups.separable ? std::optional(part.first) : std::nullopt);
    }
  }
  throw NotFinite(quantity, "");
}

Updater::Sums Updater::gradient_group(std::int64_t index, const SequenceGroups& groups, GroupLoss loss,
                                      const UpdatePlan& plan) {
  const processes::Range range = groups.groups_of(index);
  const std::int64_t first_own = groups.groups_of(sum_.own().begin).begin;
  const bool last_own = index + 1 == sum_.own().end;
  Sums sums;
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    // The other processes still get their messages: of gradients that are nowhere defined, which cost
    // nothing.
    sums.abandoned = i > first_own && interrupt_signal() != 0;
    if (sums.abandoned) break;
    const SequenceGroup group = groups.group(i);
    const Pass pass = forward(group, loss, plan, plan.pass + i, plan.statistics ? &sums.trees : nullptr);
    sums.loss += static_cast<double>(pass.loss.item());
    sums.entropy += mean_value(pass.context.entropies) * group.share();
    sums.correct += pass.correct;
    if (!std::isfinite(pass.objective.item())) fail("the loss", groups, loss, plan);
    sum_.add(pass.objective, last_own && i + 1 == range.end);
  }
  if (!last_own) sum_.keep_group(index);
  return sums;
}

namespace {

void add_to(UpdateResult& result, const Updater::Sums& sums) {
  result.loss += sums.loss;
  result.entropy += sums.entropy;
  result.correct += sums.correct;
  result.abandoned = result.abandoned || sums.abandoned;
  add_layers(sums.trees, result.trees);
}

}  // namespace

// Over the gradient groups of all processes, in their order.
UpdateResult Updater::add_up(const PoolVector<Sums>& own) {
  UpdateResult result;
  if (processes::alone()) {
    for (const Sums& sums : own) add_to(result, sums);
    return result;
  }
  std::vector<double> numbers;
  for (const Sums& sums : own) {
    numbers.insert(numbers.end(), {sums.loss, sums.entropy, static_cast<double>(sums.correct),
                                   static_cast<double>(sums.abandoned)});
    append(sums.trees, numbers);
  }
  for (const std::vector<double>& all : processes::gather_numbers(std::span<const double>(numbers))) {
    for (NumberReader reader(all); !reader.done();) {
      Sums sums;
      sums.loss = reader.next();
      sums.entropy = reader.next();
      sums.correct = reader.next_count();
      sums.abandoned = reader.next_count() != 0;
      sums.trees = reader.next_layers();
      add_to(result, sums);
    }
  }
  return result;
}

UpdateResult Updater::update(const SequenceGroups& groups, GroupLoss loss, const UpdatePlan& plan) {
  using Clock = std::chrono::steady_clock;
  sum_.begin(groups.gradient_groups);
  PoolVector<Sums> own;
  for (std::int64_t i = sum_.own().begin; i < sum_.own().end; ++i)
    own.push_back(gradient_group(i, groups, loss, plan));
  sum_.finish();
  UpdateResult result = add_up(own);
  if (result.abandoned) return result;
  frozen_.clear_gradients();
  const Clock::time_point begin = Clock::now();
  const optim::GradientNorm norm = optimizer_.gradient_norm();
  if (!norm.finite) fail(fmt::format("the gradient of `{}`", norm.not_finite), groups, loss, plan);
  optimizer_.step(plan.lr, optim::clip_factor(norm.norm, options_.optimizer.clip));
  result.norm = norm.norm;
  result.optimizer_seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return result;
}

}  // namespace espalier::train
