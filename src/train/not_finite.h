// Where inf or NaN came from. Asked only after a step has failed, so it may take its time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "espalier/base/error.h"
#include "espalier/nn/module.h"

namespace espalier::train {

// Thrown instead of applying an update. Who catches it knows step and data, and says so in a message of its
// own.
class NotFinite : public RunError {
 public:
  NotFinite(const std::string& what_is_not, const std::string& first,
            std::optional<std::int64_t> of_sequence = std::nullopt)
      : RunError(what_is_not + " is not finite"),
        quantity(what_is_not),
        origin(first),
        sequence(of_sequence) {}

  std::string quantity;                  // "the loss", or "the gradient of `NAME`"
  std::string origin;                    // the weight or operation, as below; may be empty
  std::optional<std::int64_t> sequence;  // whose operation it is, where it is known
};

// "the weight `encoder.layers.3.ffn.linear_in.weight` holds inf or NaN": the first such weight, else empty.
std::string weight_not_finite(nn::Module& model);

// InputError for such a weight of a model that training is to begin with, which `source` names: no rate would
// help.
void require_finite(nn::Module& model, const std::string& source);

// Which operation of compute(), a forward pass or one with its backward pass, gives inf or NaN first, as
// AnomalyGuard puts it; empty if none does.
std::string operation_not_finite(const std::function<void()>& compute);

}  // namespace espalier::train
