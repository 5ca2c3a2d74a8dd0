// --precision: in which numbers a model that is used computes products.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"
#include "espalier/ops/precision.h"

namespace espalier::cli {

// What holds where none is given to a verb that uses a model.
inline constexpr const char* kOwnPrecision = "float32; of a folder in int8, int8";

// Binds the option to a string that is empty where it is not given; help says that `otherwise` holds then.
void add_precision_option(Command& verb, std::string& precision,
                          const std::string& otherwise = kOwnPrecision);

// What the option names; none if it is not given. InputError where this machine computes it slower than
// float32.
std::optional<ops::Precision> chosen_precision(const std::string& precision);

}  // namespace espalier::cli
