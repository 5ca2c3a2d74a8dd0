#include "espalier/train/routing_schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace espalier::train {
namespace {

using config::Routing;
using ops::RoutingMode;

// From `first` at 0 to `last` at 1, by a constant factor a step.
double geometric(double first, double last, double progress) {
  return first * std::pow(last / first, progress);
}

RoutingState soft_state(const config::RoutingConfig& config) {
  RoutingState state;
  state.soft = true;
  state.trees.mode = RoutingMode::kSoft;
  state.trees.temperature = static_cast<float>(config.temperature);
  state.trees.epsilon = static_cast<float>(config.epsilon);
  state.trees.entropy_form = config.entropy_form;
  state.entropy_weight = config.entropy_weight;
  return state;
}

RoutingState straight_through_state(double temperature, double epsilon) {
  RoutingState state;
  state.trees.mode = RoutingMode::kStraightThrough;
  state.trees.temperature = static_cast<float>(temperature);
  state.trees.ste_epsilon = static_cast<float>(epsilon);
  return state;
}

RoutingState anneal_state(const config::RoutingConfig& config, std::int64_t depth, double t) {
  if (t >= config.anneal_end) {
    if (config.anneal_finish == RoutingMode::kStraightThrough) {
      return straight_through_state(config.anneal_temperature1, config.ste_epsilon);
    }
    RoutingState hard;
    hard.trees.temperature = static_cast<float>(config.anneal_temperature1);
    return hard;
  }
  const bool falling = t >= config.anneal_start;
  const double progress =
      falling ? (t - config.anneal_start) / (config.anneal_end - config.anneal_start) : 0.0;
  RoutingState state;
  state.soft = true;
  state.trees.mode = RoutingMode::kSoft;
  state.trees.temperature =
      static_cast<float>(geometric(config.anneal_temperature0, config.anneal_temperature1, progress));
  state.trees.epsilon = falling ? static_cast<float>(anneal_epsilon(config, depth)) : 0.0F;
  state.entropy_weight =
      config.anneal_entropy0 + (config.anneal_entropy1 - config.anneal_entropy0) * progress;
  return state;
}

}  // namespace

RoutingState routing_at(const config::RoutingConfig& config, std::int64_t depth, double t) {
  RoutingState state;
  switch (config.mode) {
    case Routing::kHard:
    case Routing::kFrozen:
      break;
    case Routing::kSoft:
      state = soft_state(config);
      break;
    case Routing::kAnneal:
      state = anneal_state(config, depth, t);
      break;
    case Routing::kStraightThrough: {
      const double progress = config.ste_until > 0 ? std::min(1.0, t / config.ste_until) : 1.0;
      state = straight_through_state(geometric(config.ste_temperature0, config.ste_temperature1, progress),
                                     config.ste_epsilon);
      break;
    }
  }
  state.trees.entropy = state.soft && state.entropy_weight > 0;
  state.trees.region_leak = state.soft ? static_cast<float>(config.region_leak) : 0.0F;
  return state;
}

double anneal_epsilon(const config::RoutingConfig& config, std::int64_t depth) {
  return config.anneal_epsilon >= 0 ? config.anneal_epsilon
                                    : 0.25 * std::ldexp(1.0, -static_cast<int>(depth));
}

bool trained_softly(const config::RoutingConfig& config) {
  return config.mode == Routing::kSoft || config.mode == Routing::kAnneal;
}

model::RoutingProvenance provenance_of(const config::RoutingConfig& config, const RoutingState& now) {
  model::RoutingProvenance routing;
  routing.mode = config::routing_name(config.mode);
  routing.temperature = static_cast<double>(now.trees.temperature);
  if (now.trees.epsilon > 0) routing.epsilon = static_cast<double>(now.trees.epsilon);
  if (now.trees.ste_epsilon > 0) routing.ste_epsilon = static_cast<double>(now.trees.ste_epsilon);
  routing.trained_softly = trained_softly(config);
  routing.finished = config.mode != Routing::kAnneal || !now.soft;
  return routing;
}

std::string epsilon_warning(const config::RoutingConfig& config, std::int64_t depth) {
  const bool anneal = config.mode == Routing::kAnneal;
  const double epsilon = anneal ? anneal_epsilon(config, depth) : config.epsilon;
  const double undecided = std::ldexp(1.0, -static_cast<int>(depth));
  if (!trained_softly(config) || epsilon < undecided) return "";
  return fmt::format(
      "routing.{} is {}, not below 2^-depth = {}: an undecided token loses branches before its decisions are "
      "learned",
      anneal ? "anneal.epsilon" : "epsilon", epsilon, undecided);
}

}  // namespace espalier::train
