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
