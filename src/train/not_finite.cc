#include "train/not_finite.h"

#include <fmt/format.h>

#include <vector>

#include "espalier/autograd/variable.h"
#include "espalier/base/error.h"
#include "espalier/io/checkpoint.h"
#include "espalier/model/loaded_model.h"

namespace espalier::train {

std::string weight_not_finite(nn::Module& model) {
  const std::vector<std::string> names = io::tensors_not_finite(model::named_tensors(model));
  return names.empty() ? "" : fmt::format("the weight `{}` holds inf or NaN", names.front());
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
