// The labelled data of a fine-tuning: one's own files or a GLUE task, in one shape.
#pragma once

#include <string>
#include <vector>

#include "espalier/config/finetune_config.h"
#include "espalier/data/labelled.h"

namespace espalier::train {

// An evaluation set; MNLI has two.
struct EvaluationSet {
  std::string suffix;  // of metric names: "" or "_mm"
  data::LabelledData data;
};

struct FinetuneData {
  std::string title;  // of the task, for messages and file names
  data::LabelledData train;
  std::vector<EvaluationSet> evaluation;
  std::vector<std::string> metrics;  // names of data/metrics.h, primary first
};

// Reads what `task` names. Throws InputError with file and line for anything wrong.
FinetuneData read_finetune_data(const config::TaskConfig& task, std::uint64_t seed);

}  // namespace espalier::train
