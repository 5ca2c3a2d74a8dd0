#include "train/pretrain_state.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"

namespace espalier::train {
namespace {

double number_or_infinity(const io::Json& json, const char* key) {
  return json.at(key).is_null() ? std::numeric_limits<double>::infinity() : json.at(key).get<double>();
}

}  // namespace

io::Json to_json(const PretrainState& state) {
  io::Json json;
  json["step"] = state.step;
  json["micro_step"] = state.micro_step;
  json["sequences"] = state.sequences;
  json["tokens"] = state.tokens;
  json["seconds"] = state.seconds;
  json["best_loss"] = io::finite_or_null(state.best_loss);
  json["lowest_soft_loss"] = io::finite_or_null(state.lowest_soft_loss);
  json["data_fingerprint"] = state.data_fingerprint;
  if (!state.inputs.empty()) json["inputs"] = state.inputs;
  return json;
}

PretrainState state_from_json(const io::Json& json, const std::string& where) {
  try {
    PretrainState state;
    state.step = json.at("step").get<std::int64_t>();
    state.micro_step = json.at("micro_step").get<std::int64_t>();
    state.sequences = json.at("sequences").get<std::int64_t>();
    state.tokens = json.at("tokens").get<std::int64_t>();
    state.seconds = json.at("seconds").get<double>();
    state.best_loss = number_or_infinity(json, "best_loss");
    state.lowest_soft_loss = number_or_infinity(json, "lowest_soft_loss");
    state.data_fingerprint = json.at("data_fingerprint").get<std::string>();
    state.inputs = json.value("inputs", io::Json::object());
    return state;
  } catch (const io::Json::exception& error) {
    throw InputError(fmt::format("{}: not the state of a pretraining run: {}", where, error.what()));
  }
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
