// Two GLUE runs beside each other.
#pragma once

#include <filesystem>

#include "espalier/config/glue_config.h"
#include "espalier/io/json.h"

namespace espalier::glue {

// How much of the baseline's scores this run keeps, on the tasks that both have:
//
//     {run, model, tasks: {TASK: COMPARISON}, without_cola: COMPARISON, with_cola: COMPARISON}
//     COMPARISON = {score, baseline, share, difference, low, high, p_value, tasks}
//
// score and baseline are in 0 .. 100 (of several tasks their average, MNLI counted twice as in the published
// one, WNLI not at all), share = score / baseline; difference, its 95 % interval and p_value are those of
// data::paired_bootstrap over dev rows and seeds. A comparison without a task is null, and so is with_cola
// where one of the runs has no CoLA. InputError: no finished GLUE run, one that reports another epoch, or
// predictions of other rows.
io::Json compare_with_baseline(const config::GlueConfig& config, const io::Json& results);

// results.json of glue.baseline, with the checks that need nothing else. InputError as above.
io::Json read_baseline(const config::GlueConfig& config);

}  // namespace espalier::glue
