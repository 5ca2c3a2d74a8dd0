#include "train/not_finite.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/autograd/variable.h"
#include "espalier/base/error.h"

namespace espalier::train {

std::string weight_not_finite(nn::Module& model) {
  for (const nn::NamedParameter& parameter : model.parameters()) {
    const auto values = parameter.value.value().span();
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
      return fmt::format("the weight `{}` holds inf or NaN", parameter.name);
    }
  }
  return "";
}

void require_finite(nn::Module& model, const std::string& source) {
  const std::string weight = weight_not_finite(model);
  if (weight.empty()) return;
  throw InputError(fmt::format(
      "{}: {}: the model is damaged, or its training had diverged when it was saved; get another copy, or an "
      "earlier checkpoint",
      source, weight));
}

std::string operation_not_finite(const std::function<void()>& compute) {
  const AnomalyGuard guard;
  try {
    compute();
  } catch (const RunError& error) {
    return error.what();
  }
  return "";
}

}  // namespace espalier::train
