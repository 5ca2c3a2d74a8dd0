// --precision: in which numbers a model that is used computes products.
#pragma once

#include <string>

#include "cli/command.h"
#include "espalier/ops/precision.h"

namespace espalier::cli {

// Binds the option; help shows what `precision` holds now.
Option* add_precision_option(Command& verb, std::string& precision);

// What the option names. InputError where this machine computes it slower than float32.
ops::Precision chosen_precision(const std::string& precision);

}  // namespace espalier::cli
