// The labelled data of a fine-tuning: one's own files or a GLUE task, in one shape.
#pragma once

#include <string>
#include <vector>

#include "espalier/config/finetune_config.h"
#include "espalier/data/labelled.h"
#include "espalier/io/json_fields.h"
#include "espalier/tensor/tensor.h"
#include "espalier/text/tokenizer.h"
#include "espalier/train/run_inputs.h"

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
  std::vector<std::string> metrics;  // names of metrics/metrics.h, primary first
  RunInputs inputs;                  // all rows of the files, before any are drawn
};

// Reads what `task` names; of MNLI the second evaluation set may be missing, which is reported. `report`:
// say which classes were found and with how many rows, and warn of doubtful ones, of lines that were left out
// and of bytes that are not UTF-8. Throws InputError with file and line for anything wrong.
FinetuneData read_finetune_data(const config::TaskConfig& task, std::uint64_t seed, bool report = true);

// How one's own files are read. InputError for a separator that is none.
data::LabelledColumns labelled_columns(const config::TaskConfig& task);

// Warns of what is odd in a file but no error.
void report_oddities(const data::LabelledData& data);
// Warns of texts that the tokenizer cannot read.
void report_unread(const text::Tokenizer& tokenizer, const FinetuneData& data);

// Rows of each class by name, in the training rows and in each evaluation set; empty for a regression.
io::Named<io::Named<std::int64_t>> class_counts_of(const FinetuneData& data);

}  // namespace espalier::train
