// Two GLUE runs beside each other.
#pragma once

#include "espalier/config/glue_config.h"
#include "espalier/glue/results.h"

namespace espalier::glue {

// How much of the baseline's scores this run keeps, on the tasks that both have: their scores (of several
// tasks the average, MNLI counted twice as in the published one, WNLI not at all); difference, its 95 %
// interval and p_value are those of metrics::paired_bootstrap over dev rows and seeds. There is no comparison
// without a task, and none with CoLA where one of the runs lacks it. InputError: no finished GLUE run, one
// that reports another epoch, or predictions of other rows.
GlueBaseline compare_with_baseline(const config::GlueConfig& config, const GlueResults& results);

// results.json of glue.baseline, ours or another program's, with the checks that need nothing else.
// InputError as above.
ComparedResults read_baseline(const config::GlueConfig& config);

}  // namespace espalier::glue
