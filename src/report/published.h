// What others have printed of a GLUE task.
#pragma once

#include <string>
#include <vector>

#include "report/forest_plot.h"

namespace espalier::report {

// A score for each published model; none for a task that is not in their table.
std::vector<ForestReference> published_scores(const std::string& task);

}  // namespace espalier::report
