#include "train/pretrain_state.h"

#include <algorithm>

namespace espalier::train {

void describe(PretrainState& state, io::JsonFields& fields) {
  fields.add("step", state.step);
  fields.add("micro_step", state.micro_step);
  fields.add("sequences", state.sequences);
  fields.add("tokens", state.tokens);
  fields.add("seconds", state.seconds);
  fields.add("best_loss", state.best_loss);
  fields.add("lowest_soft_loss", state.lowest_soft_loss);
  fields.add("data_fingerprint", state.data_fingerprint);
  fields.add_unless_empty("inputs", state.inputs);
}

double used_fraction(const config::PretrainConfig& config, const PretrainState& state) {
  const config::BudgetConfig& budget = config.budget;
  double used = 0;
  if (budget.tokens > 0) used = static_cast<double>(state.tokens) / static_cast<double>(budget.tokens);
  if (budget.steps > 0) used = static_cast<double>(state.step) / static_cast<double>(budget.steps);
  if (budget.minutes > 0) used = state.seconds / (60 * budget.minutes);
  return std::min(used, 1.0);
}

}  // namespace espalier::train
