// The parts of the page, as HTML. A part about nothing is empty.
#pragma once

#include <string>
#include <vector>

#include "report/detail.h"
#include "report/finetuning.h"
#include "report/glue_run.h"
#include "report/leaves.h"
#include "report/pretraining.h"

namespace espalier::report {

std::string pretraining_sections(const std::vector<Pretraining>& runs, const Detail& detail);
// The held-out losses where the shortest of several runs ends.
std::string equal_table_html(const std::vector<Pretraining>& runs);
std::string evaluations_section(const std::vector<Pretraining>& runs, const Detail& detail);
std::string tree_sections(const std::vector<Pretraining>& runs, const Detail& detail);
std::string visits_section(const std::vector<Pretraining>& runs, const Detail& detail);
std::string leaves_section(const std::vector<RunLeaves>& runs, const Detail& detail);
std::string finetuning_sections(const std::vector<Finetuning>& runs, const Detail& detail);
std::string glue_sections(const std::vector<GlueRun>& runs, const Detail& detail);
// How classes are confused, and the rows that a model is surest and wrong about.
std::string predictions_html(const PredictionSummary& summary, const Detail& detail);
// The keys in which the configurations of each kind of run differ.
std::string difference_section(const std::vector<std::vector<const RunFolder*>>& kinds);
// What readers of the files had to say.
std::string notes_html(const RunFolder& run);

}  // namespace espalier::report
