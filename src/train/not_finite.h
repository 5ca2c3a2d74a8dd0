// Where inf or NaN came from. Asked only after a step has failed, so it may take its time.
#pragma once

#include <functional>
#include <string>

#include "espalier/nn/module.h"

namespace espalier::train {

// "the weight `encoder.layers.3.ffn.linear_in.weight` holds inf or NaN": the first such weight, else empty.
std::string weight_not_finite(nn::Module& model);

// Which operation of compute(), a forward pass or one with its backward pass, gives inf or NaN first, as
// AnomalyGuard puts it; empty if none does.
std::string operation_not_finite(const std::function<void()>& compute);

}  // namespace espalier::train
