// Parts that the table and results.md share.
#pragma once

#include <string>

#include "espalier/io/json.h"

namespace espalier::glue {

// "12.3"
std::string tenths(double value);
// "3 seeds", or "1 to 3 seeds" where tasks differ.
std::string seeds_text(const io::Json& results);
// "runs/a (4 layers, d 192, 1x8)"
std::string model_text(const io::Json& model);
// The `baseline` of results.json as lines of fixed width.
std::string baseline_text(const io::Json& baseline);

}  // namespace espalier::glue
