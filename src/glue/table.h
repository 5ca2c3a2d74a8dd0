// Parts that the table and results.md share.
#pragma once

#include <string>

#include "espalier/glue/results.h"

namespace espalier::glue {

// "12.3"
std::string tenths(double value);
// "12.3" for 0.123, a dash for what is not finite.
std::string percent(double value);
// "Matthews" of matthews_correlation.
std::string metric_title(const std::string& metric);
// "MNLI-mm": a task and one of its sets.
std::string set_title(const std::string& title, const std::string& set);
// "3 seeds", or "1 to 3 seeds" where tasks differ.
std::string seeds_text(const GlueResults& results);
// "runs/a (4 layers, d 192, 1x8)"
std::string model_text(const GlueModel& model);
// Lines of fixed width.
std::string baseline_text(const GlueBaseline& baseline);

}  // namespace espalier::glue
