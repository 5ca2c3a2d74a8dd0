// All of GLUE (Wang et al., 2018) with one model: every task with every seed, the scores as papers print
// them, with the statistics that papers lack, and the archive that the GLUE server takes.
#pragma once

#include <string>

#include "espalier/config/glue_config.h"
#include "espalier/glue/results.h"

namespace espalier::glue {

// Fine-tunes the model on each task with each seed and leaves in `run`:
//
//     config.yaml, model.json, results.json, results.md, submission.zip
//     TASK/seed-N/       a fine-tuning (train/finetuner.h) without its checkpoints, and result.json
//     TASK/model.h5      the model of the run with the best dev score, for `classify`
//     submission/*.tsv   its predictions on the test files
//
// A (task, seed) is finished when its result.json is there; a run that was stopped goes on behind the last.
// Tasks and test files that are not there are reported and left out; every file that is there is read before
// anything is trained. InputError: wrong files, a folder that holds
// something else or a run with other settings; Interrupted after saving.
GlueResults run_glue(const config::GlueConfig& config);

// InputError for a task that there is not, and, unless the run has begun, for a key of the command line that
// no training of it reads. run_glue() asks first thing, too.
void require_read(const config::GlueConfig& config);

// The scores as a table for people.
std::string glue_table(const GlueResults& results);
// The same in the layout of the published table, beside its rows.
std::string glue_markdown(const GlueResults& results);

}  // namespace espalier::glue
