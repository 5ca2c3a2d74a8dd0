#include "espalier/train/routing_schedule.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier::train {
namespace {

using config::Routing;
using config::RoutingConfig;
using doctest::Approx;
using ops::RoutingMode;

constexpr std::int64_t kDepth = 5;

RoutingConfig anneal_config() {
  RoutingConfig config;
  config.mode = Routing::kAnneal;
  config.anneal_start = 0.2;
  config.anneal_end = 0.6;
  config.anneal_temperature0 = 2.0;
  config.anneal_temperature1 = 0.125;
  config.anneal_entropy0 = 0.01;
  config.anneal_entropy1 = 0.05;
  return config;
}

RoutingConfig straight_through_config() {
  RoutingConfig config;
  config.mode = Routing::kStraightThrough;
  config.ste_temperature0 = 1.0;
  config.ste_temperature1 = 0.25;
  config.ste_until = 0.8;
  config.ste_epsilon = 0.01;
  return config;
}

}  // namespace

TEST_CASE("anneal is soft at temperature0 until start, unpruned") {
  for (const double t : {0.0, 0.1, 0.19999}) {
    const RoutingState state = routing_at(anneal_config(), kDepth, t);
    CHECK(state.soft);
    CHECK(state.trees.mode == RoutingMode::kSoft);
    CHECK(state.trees.temperature == 2.0F);
    CHECK(state.trees.epsilon == 0.0F);
    CHECK(state.entropy_weight == Approx(0.01));
    CHECK(state.trees.entropy);
  }
}

TEST_CASE(
    "between start and end the temperature falls geometrically, the entropy weight rises, branches go") {
  const RoutingState first = routing_at(anneal_config(), kDepth, 0.2);
  CHECK(first.trees.temperature == 2.0F);
  CHECK(first.trees.epsilon == static_cast<float>(0.25 / 32));
  // Halfway: the geometric mean of 2 and 1/8, the arithmetic mean of the weights.
  const RoutingState middle = routing_at(anneal_config(), kDepth, 0.4);
  CHECK(middle.soft);
  CHECK(static_cast<double>(middle.trees.temperature) == Approx(0.5));
  CHECK(middle.entropy_weight == Approx(0.03));
  CHECK(middle.trees.epsilon == first.trees.epsilon);
  const RoutingState late = routing_at(anneal_config(), kDepth, 0.5);
  CHECK(static_cast<double>(late.trees.temperature) == Approx(0.25));
  CHECK(late.entropy_weight == Approx(0.04));
}

TEST_CASE("from end on anneal is what `finish` says, at temperature1") {
  RoutingConfig config = anneal_config();
  for (const double t : {0.6, 1.0}) {
    const RoutingState state = routing_at(config, kDepth, t);
    CHECK_FALSE(state.soft);
    CHECK(state.trees.mode == RoutingMode::kStraightThrough);
    CHECK(state.trees.temperature == 0.125F);
    CHECK(state.entropy_weight == 0.0);
    CHECK_FALSE(state.trees.entropy);
    CHECK(state.trees.epsilon == 0.0F);
  }
  config.anneal_finish = RoutingMode::kHard;
  CHECK(routing_at(config, kDepth, 0.6).trees.mode == RoutingMode::kHard);
  CHECK(routing_at(config, kDepth, 0.6).trees.temperature == 0.125F);
}

TEST_CASE("an anneal without a middle goes from soft to hard at once") {
  RoutingConfig config = anneal_config();
  config.anneal_start = config.anneal_end = 0.5;
  CHECK(routing_at(config, kDepth, 0.49).soft);
  CHECK_FALSE(routing_at(config, kDepth, 0.5).soft);
  config.anneal_start = config.anneal_end = 0.0;
  CHECK_FALSE(routing_at(config, kDepth, 0.0).soft);
}

TEST_CASE("straight-through: the temperature falls geometrically until `until`, then stays") {
  const RoutingConfig config = straight_through_config();
  const auto temperature = [&](double t) {
    const RoutingState state = routing_at(config, kDepth, t);
    CHECK_FALSE(state.soft);
    CHECK(state.trees.mode == RoutingMode::kStraightThrough);
    CHECK(state.trees.ste_epsilon == 0.01F);
    return static_cast<double>(state.trees.temperature);
  };
  CHECK(temperature(0.0) == Approx(1.0));
  CHECK(temperature(0.4) == Approx(0.5));
  CHECK(temperature(0.6) == Approx(0.35355339));
  CHECK(temperature(0.8) == Approx(0.25));
  CHECK(temperature(1.0) == Approx(0.25));
  RoutingConfig at_once = config;
  at_once.ste_until = 0.0;
  CHECK(static_cast<double>(routing_at(at_once, kDepth, 0.0).trees.temperature) == Approx(0.25));
}

TEST_CASE("soft stays as configured; hard has nothing to say") {
  RoutingConfig config;
  config.mode = Routing::kSoft;
  config.temperature = 0.7;
  config.epsilon = 0.001;
  config.entropy_weight = 0.2;
  config.region_leak = 0.1;
  config.entropy_form = ops::EntropyForm::kPath;
  for (const double t : {0.0, 0.5, 1.0}) {
    const RoutingState state = routing_at(config, kDepth, t);
    CHECK(state.soft);
    CHECK(state.trees.temperature == 0.7F);
    CHECK(state.trees.epsilon == 0.001F);
    CHECK(state.trees.region_leak == 0.1F);
    CHECK(state.entropy_weight == 0.2);
    CHECK(state.trees.entropy);
  }
  config.mode = Routing::kHard;
  const RoutingState hard = routing_at(config, kDepth, 0.5);
  CHECK_FALSE(hard.soft);
  CHECK(hard.trees.mode == RoutingMode::kHard);
  CHECK(hard.trees.region_leak == 0.0F);
  CHECK_FALSE(hard.trees.entropy);
}

TEST_CASE("the leak is only in the soft part of an anneal") {
  RoutingConfig config = anneal_config();
  config.region_leak = 0.25;
  CHECK(routing_at(config, kDepth, 0.0).trees.region_leak == 0.25F);
  CHECK(routing_at(config, kDepth, 0.4).trees.region_leak == 0.25F);
  CHECK(routing_at(config, kDepth, 0.6).trees.region_leak == 0.0F);
}

TEST_CASE("a threshold that cuts undecided tokens' branches is warned about, naming its key") {
  RoutingConfig config = anneal_config();
  CHECK(anneal_epsilon(config, kDepth) == 0.25 / 32);
  CHECK(epsilon_warning(config, kDepth).empty());
  config.anneal_epsilon = 0.03;
  CHECK(anneal_epsilon(config, kDepth) == 0.03);
  CHECK(epsilon_warning(config, kDepth).empty());
  // At 2^-depth the branches of an undecided token, whose probability is just that, are dropped.
  config.anneal_epsilon = 1.0 / 32;
  CHECK(epsilon_warning(config, kDepth)
            .find("routing.anneal.epsilon is 0.03125, not below 2^-depth = 0.03125") == 0);
  config.mode = Routing::kSoft;
  CHECK(epsilon_warning(config, kDepth).empty());
  config.epsilon = 0.5;
  CHECK(epsilon_warning(config, kDepth).find("routing.epsilon is 0.5, not below") == 0);
  config.mode = Routing::kHard;
  CHECK(epsilon_warning(config, kDepth).empty());
}

TEST_CASE("only soft and anneal train a mixture") {
  RoutingConfig config;
  CHECK_FALSE(trained_softly(config));
  config.mode = Routing::kSoft;
  CHECK(trained_softly(config));
  config.mode = Routing::kAnneal;
  CHECK(trained_softly(config));
  config.mode = Routing::kStraightThrough;
  CHECK_FALSE(trained_softly(config));
}

}  // namespace espalier::train
