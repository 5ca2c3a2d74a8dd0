// The update against loops written out here, and what it refuses. Data and weights of the small model are
// such that every sum is exact, so that a different order of summation gives the same bits.
#include "train/updater.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "espalier/nn/masked_lm.h"
#include "espalier/ops/elementwise.h"
#include "espalier/ops/reduce.h"
#include "tests/support/support.h"
#include "train/not_finite.h"

namespace espalier::train {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The loss of sequence i is <weight, (i, 1)>, or what the test makes of it.
struct Line : nn::Module {
  explicit Line(std::initializer_list<float> values) {
    register_parameters(
        [](const nn::ParameterList& own) { own.add("weight", {2}, nn::ParameterRole::kMatrix); });
    weight = parameter("weight");
    weight.mutable_value() = Tensor::from({2}, values);
  }

  static float factor(std::int64_t sequence) { return static_cast<float>(sequence); }
  // The part of the loss; `factors` may replace that of a sequence.
  Variable part(const SequenceGroup& group, float (*factors)(std::int64_t) = factor) const {
    Variable sum(Tensor::zeros({}));
    for (std::int64_t i = group.first; i < group.first + group.sequences; ++i) {
      const Variable row(Tensor::from({2}, {factors(i), 1.0F}));
      sum = ops::add(sum, ops::sum(ops::multiply(weight, row)));
    }
    return ops::scale(sum, 1.0F / static_cast<float>(group.of));
  }

  Variable weight;
};

UpdaterOptions options(double clip = 0) {
  UpdaterOptions result;
  result.optimizer.clip = clip;
  return result;
}

UpdatePlan with_lr(double lr) {
  UpdatePlan plan;
  plan.lr = lr;
  return plan;
}

// Weights, both moments and the count of steps.
std::vector<float> state_of(Updater& updater) {
  std::vector<float> all = {static_cast<float>(updater.optimizer().steps())};
  for (const optim::AdamWSlot& slot : updater.optimizer().adamw().slots()) {
    for (const Tensor* tensor : {&slot.parameter.value(), &slot.exp_avg, &slot.exp_avg_sq}) {
      all.insert(all.end(), tensor->span().begin(), tensor->span().end());
    }
  }
  return all;
}

// What is thrown; also checks that nothing was applied.
NotFinite refusal(Updater& updater, const SequenceGroups& groups, GroupLoss loss) {
  const std::vector<float> before = state_of(updater);
  try {
    updater.update(groups, loss, with_lr(1));
  } catch (const NotFinite& found) {
    const std::vector<float> after = state_of(updater);
    CHECK(std::equal(before.begin(), before.end(), after.begin(), after.end(), [](float a, float b) {
      return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b);
    }));
    return found;
  }
  FAIL("the update was applied");
  return NotFinite("", "");
}

nn::EncoderOptions tiny_tree() {
  nn::EncoderOptions arch;
  arch.layers = 2;
  arch.hidden_size = 16;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 40;
  arch.embedding.max_positions = 8;
  arch.ffn.depth = 3;
  return arch;
}

// Batches of one token predicted in each of the sequences of 8.
struct Batches {
  nn::MaskedLm& model;

  Variable part(std::int64_t first, std::int64_t sequences, std::int64_t of, nn::ForwardContext& context) {
    IntTensor ids = IntTensor::empty({sequences, 8});
    std::vector<std::int32_t> positions, targets;
    for (std::int64_t i = 0; i < sequences; ++i) {
      for (std::int64_t t = 0; t < 8; ++t) {
        ids.data()[i * 8 + t] = static_cast<std::int32_t>((7 * (first + i) + 3 * t) % 40);
      }
      positions.push_back(static_cast<std::int32_t>(8 * i + (first + i) % 8));
      targets.push_back(static_cast<std::int32_t>((first + i) % 40));
    }
    return model.loss({ids}, positions, targets, static_cast<double>(of), context).loss;
  }
};

}  // namespace

TEST_CASE("groups cover the sequences once and in order, each with a context of its own") {
  Line model({1, 1});
  UpdaterOptions chosen = options();
  chosen.seed = 9;
  chosen.dropout = true;
  Updater updater(model, chosen);
  UpdatePlan plan = with_lr(0.1);
  plan.pass = 40;
  plan.statistics = true;
  plan.routing.trees.temperature = 0.25F;
  std::vector<std::int64_t> calls;
  ops::LayerStatistics* statistics = nullptr;
  const auto loss = [&](const SequenceGroup& group, nn::ForwardContext& context) {
    for (const std::int64_t value : {group.first, group.sequences, group.of}) calls.push_back(value);
    calls.push_back(static_cast<std::int64_t>(context.step));
    CHECK(context.training);
    CHECK(context.dropout);
    CHECK(context.seed == 9);
    CHECK(context.routing.temperature == 0.25F);
    CHECK(context.next_dropout_site++ == 0);
    CHECK(context.statistics != nullptr);
    if (statistics != nullptr) CHECK(context.statistics == statistics);
    statistics = context.statistics;
    return model.part(group);
  };
  updater.update({.first = 10, .sequences = 8, .count = 3}, loss, plan);
  CHECK(calls == std::vector<std::int64_t>{10, 2, 8, 40, 12, 3, 8, 41, 15, 3, 8, 42});
  calls.clear();
  updater.update(SequenceGroups::whole(8),
                 [&](const SequenceGroup& group, nn::ForwardContext& context) {
                   CHECK_FALSE(context.statistics);
                   calls = {group.first, group.sequences, group.of};
                   return model.part(group);
                 },
                 {});
  CHECK(calls == std::vector<std::int64_t>{0, 8, 8});
}

TEST_CASE("groups of any size add up to one, and nothing stays of the update before") {
  std::vector<float> expected;
  for (const std::int64_t count : {1, 8, 3, 2}) {
    CAPTURE(count);
    Line model({1, 2});
    Updater updater(model, options());
    const auto loss = [&](const SequenceGroup& group, nn::ForwardContext&) { return model.part(group); };
    const UpdateResult result =
        updater.update({.first = 4, .sequences = 8, .count = count}, loss, with_lr(0.125));
    CHECK(result.loss == 9.5);  // the mean of 4 ... 11, and 2
    CHECK(result.norm == std::sqrt(7.5 * 7.5 + 1));
    updater.update({.first = 4, .sequences = 8, .count = count}, loss, with_lr(0.125));
    CHECK(model.weight.grad().to_vector() == std::vector<float>{7.5F, 1.0F});
    const std::vector<float> state = state_of(updater);
    CHECK(state[0] == 2);
    if (expected.empty()) expected = state;
    CHECK(state == expected);
  }
}

TEST_CASE("updates of soft trees, with dropout and region leak, have the bits of the loop written out") {
  nn::MaskedLm ours(tiny_tree()), plain(tiny_tree());
  initialize(ours, 0.2F, 5);
  initialize(plain, 0.2F, 5);
  UpdaterOptions chosen = options(0.01);
  chosen.seed = 3;
  chosen.dropout = true;
  chosen.optimizer.beta1 = 0.8;
  chosen.optimizer.beta2 = 0.9;
  chosen.optimizer.eps = 1e-3;
  chosen.optimizer.weight_decay = 0.25;
  Updater updater(ours, chosen);
  optim::Optimizer optimizer(plain.parameters(),
                             {.adamw = {.beta1 = 0.8, .beta2 = 0.9, .eps = 1e-3, .weight_decay = 0.25}});
  UpdatePlan plan = with_lr(0.01);
  plan.routing.trees.mode = ops::RoutingMode::kSoft;
  plan.routing.trees.entropy = true;
  plan.routing.trees.region_leak = 0.1F;
  plan.routing.entropy_weight = 0.5;
  const auto loss = [&](const SequenceGroup& group, nn::ForwardContext& context) {
    return Batches{ours}.part(group.first, group.sequences, group.of, context);
  };
  for (std::int64_t step = 0; step < 3; ++step) {
    plan.pass = 3 * step;
    const UpdateResult result = updater.update({.first = 8 * step, .sequences = 8, .count = 3}, loss, plan);
    plain.clear_gradients();
    double entropy = 0;
    const std::int64_t begins[] = {0, 2, 5, 8};
    for (std::int64_t group = 0; group < 3; ++group) {
      nn::ForwardContext context;
      context.training = context.dropout = true;
      context.seed = 3;
      context.step = static_cast<std::uint64_t>(3 * step + group);
      context.routing = plan.routing.trees;
      const std::int64_t sequences = begins[group + 1] - begins[group];
      const Variable part = Batches{plain}.part(8 * step + begins[group], sequences, 8, context);
      REQUIRE(context.entropies.size() == 2);
      const Variable sum = ops::add(context.entropies[0], context.entropies[1]);
      const double share = static_cast<double>(sequences) / 8;
      backward(ops::add(part, ops::scale(sum, static_cast<float>(0.5 * share / 2))));
      entropy += share * static_cast<double>(sum.item()) / 2;
    }
    const double norm = optimizer.gradient_norm().norm;
    CHECK(norm > 0.01);
    optimizer.step(0.01, optim::clip_factor(norm, 0.01));
    CHECK(result.norm == norm);
    CHECK(result.entropy == doctest::Approx(entropy).epsilon(1e-6));
    for (std::size_t i = 0; i < ours.parameters().size(); ++i) {
      CAPTURE(ours.parameters()[i].name);
      CHECK(ours.parameters()[i].value.value().to_vector() ==
            plain.parameters()[i].value.value().to_vector());
    }
  }
}

TEST_CASE("a group has its share of the entropy, which is in the gradient and not in the loss") {
  Line model({1, 4});
  Updater updater(model, options());
  UpdatePlan plan;
  plan.routing.entropy_weight = 0.5;
  const auto loss = [&](const SequenceGroup& group, nn::ForwardContext& context) {
    const Variable entropy = ops::sum(model.weight);
    context.entropies.push_back(entropy);
    context.entropies.push_back(ops::scale(entropy, 3));  // their mean has the gradient (2, 2)
    return model.part(group);
  };
  const UpdateResult result = updater.update({.first = 0, .sequences = 4, .count = 2}, loss, plan);
  CHECK(result.loss == 5.5);
  CHECK(result.entropy == 10);
  CHECK(model.weight.grad().to_vector() == std::vector<float>{2.5F, 2.0F});
}

TEST_CASE("clipping scales what AdamW sees, not the norm that is told") {
  Line model({1, 1});
  Updater updater(model, options(0.5));
  const auto loss = [&](const SequenceGroup&, nn::ForwardContext&) {
    return ops::sum(ops::multiply(model.weight, Variable(Tensor::from({2}, {3, 4}))));
  };
  CHECK(updater.update(SequenceGroups::whole(1), loss, with_lr(0.1)).norm == 5);
  // 1 - beta1 of the gradient.
  const std::vector<float> moment = updater.optimizer().adamw().slots()[0].exp_avg.to_vector();
  CHECK(static_cast<double>(moment[0]) == doctest::Approx(0.1 * 0.3).epsilon(1e-5));
  CHECK(static_cast<double>(moment[1]) == doctest::Approx(0.1 * 0.4).epsilon(1e-5));
}

TEST_CASE("a loss that is not finite: the operation and its sequence, in whatever group") {
  Line model({1, 2});
  Updater updater(model, options());
  const auto loss = [&](const SequenceGroup& group, nn::ForwardContext&) {
    return model.part(group, [](std::int64_t i) { return i == 15 ? kInfinity : 1.0F; });
  };
  updater.update({.first = 0, .sequences = 8, .count = 3}, loss, with_lr(0.1));
  const NotFinite found = refusal(updater, {.first = 10, .sequences = 8, .count = 3}, loss);
  CHECK(found.quantity == "the loss");
  CHECK(found.origin == "anomaly: multiply: output [2] is inf at element 0");
  REQUIRE(found.sequence);
  CHECK(*found.sequence == 15);
  const NotFinite whole =
      refusal(updater, {.first = 10, .sequences = 8, .count = 1, .separable = false}, loss);
  CHECK(whole.origin == found.origin);
  CHECK_FALSE(whole.sequence);
}

TEST_CASE("a weight that is not finite is named itself") {
  Line model({1, kInfinity});
  Updater updater(model, options());
  const auto loss = [&](const SequenceGroup& group, nn::ForwardContext&) { return model.part(group); };
  const NotFinite found = refusal(updater, SequenceGroups::whole(2), loss);
  CHECK(found.quantity == "the loss");
  CHECK(found.origin == "the weight `weight` holds inf or NaN");
  CHECK_FALSE(found.sequence);
}

TEST_CASE("a gradient that is not finite: its parameter, and the operation where a sequence does it alone") {
  Line model({1e-38F, 0});
  Updater updater(model, options());
  const auto steep = [&](const SequenceGroup& group, nn::ForwardContext&) {
    const bool here = group.first <= 6 && 6 < group.first + group.sequences;
    const Variable first = ops::scale(ops::sum(model.weight), 1.0F);
    return ops::scale(ops::scale(first, 1e20F), here ? 1e20F : 1.0F);
  };
  const NotFinite found = refusal(updater, {.first = 0, .sequences = 8, .count = 4}, steep);
  CHECK(found.quantity == "the gradient of `weight`");
  CHECK(found.origin == "anomaly: scale: gradient of the output [] is inf at element 0");
  CHECK(found.sequence == 6);
  // Two that overflow only in their sum.
  const auto large = [&](const SequenceGroup&, nn::ForwardContext&) {
    return ops::scale(ops::sum(model.weight), 2e38F);
  };
  const NotFinite together = refusal(updater, {.first = 0, .sequences = 2, .count = 2}, large);
  CHECK(together.quantity == "the gradient of `weight`");
  CHECK(together.origin.empty());
}

TEST_CASE("gradient groups hold whole groups where there are enough, else equal parts") {
  const auto cut = [](std::int64_t sequences, std::int64_t longest, std::int64_t wanted) {
    const SequenceGroups groups = SequenceGroups::cut(5, sequences, longest, wanted);
    std::vector<std::int64_t> counts;
    for (std::int64_t i = 0; i < groups.gradient_groups; ++i) {
      std::int64_t count = 0;
      for (std::int64_t j = groups.groups_of(i).begin; j < groups.groups_of(i).end; ++j)
        count += groups.group(j).sequences;
      counts.push_back(count);
    }
    return counts;
  };
  using Counts = std::vector<std::int64_t>;
  CHECK(cut(32, 8, 1) == Counts{32});
  CHECK(cut(32, 8, 2) == Counts{16, 16});
  CHECK(cut(24, 8, 2) == Counts{8, 16});
  CHECK(cut(32, 8, 8) == Counts{4, 4, 4, 4, 4, 4, 4, 4});
  CHECK(cut(3, 8, 8) == Counts{1, 1, 1});
  CHECK(cut(3, 8, std::numeric_limits<std::int64_t>::max()) == Counts{1, 1, 1});
  // By itself: 8, or what leaves each a whole group.
  CHECK(cut(32, 8, 0) == Counts{8, 8, 8, 8});
  CHECK(cut(24, 8, 0) == Counts{8, 16});
  CHECK(cut(8, 8, 0) == Counts{8});
  CHECK(cut(5, 8, 0) == Counts{5});
  CHECK(cut(160, 8, 0).size() == 8);
  // As many as asked for, however the sequences divide.
  CHECK(cut(9, 9, 8) == Counts{1, 1, 1, 1, 1, 1, 1, 2});
  CHECK(cut(16, 16, 12).size() == 12);
  CHECK(cut(10, 4, 1) == Counts{10});
}

TEST_CASE("gradient groups add up in their tree, each in its order") {
  nn::MaskedLm ours(tiny_tree()), plain(tiny_tree());
  initialize(ours, 0.2F, 5);
  initialize(plain, 0.2F, 5);
  Updater updater(ours, options());
  const auto loss = [&](const SequenceGroup& group, nn::ForwardContext& context) {
    return Batches{ours}.part(group.first, group.sequences, group.of, context);
  };
  SequenceGroups groups = SequenceGroups::cut(0, 12, 2, 5);
  REQUIRE(groups.gradient_groups == 5);
  REQUIRE(groups.groups_of(4).size() == 2);
  updater.update(groups, loss, with_lr(0));
  // (0 + 1) + (2 + 3), and then the fifth, which is a sum of two.
  std::vector<std::vector<float>> sums;
  for (std::int64_t i = 0; i < 5; ++i) {
    plain.clear_gradients();
    for (std::int64_t j = groups.groups_of(i).begin; j < groups.groups_of(i).end; ++j) {
      nn::ForwardContext context;
      context.training = true;
      context.step = static_cast<std::uint64_t>(j);
      backward(Batches{plain}.part(groups.group(j).first, groups.group(j).sequences, 12, context));
    }
    std::vector<float>& sum = sums.emplace_back();
    for (const nn::NamedParameter& parameter : plain.parameters()) {
      REQUIRE(parameter.value.grad().defined());
      sum.insert(sum.end(), parameter.value.grad().span().begin(), parameter.value.grad().span().end());
    }
  }
  std::size_t next = 0;
  for (const nn::NamedParameter& parameter : ours.parameters()) {
    for (const float value : parameter.value.grad().span()) {
      const auto at = [&](std::size_t group) { return sums[group][next]; };
      CHECK(value == ((at(0) + at(1)) + (at(2) + at(3))) + at(4));
      ++next;
    }
  }
}

}  // namespace espalier::train
