// Which columns of its files a classifier was trained on, and how much of them.
#pragma once

#include <cstdint>
#include <string>

#include "espalier/config/finetune_config.h"
#include "espalier/io/json_fields.h"
#include "espalier/model/loaded_model.h"

namespace espalier::train {

struct TaskColumns {
  std::string text;             // empty: not known
  std::string text_pair;        // empty: single texts, or not known
  bool header = true;           // false: those are numbers of columns
  std::int64_t max_length = 0;  // tokens of a row that were read, at most; 0: not known
};

// A key of the configuration that a model was trained with here, or `otherwise`.
std::string trained_with(const model::LoadedModel& model, const std::string& key,
                         const std::string& otherwise);

// Of a GLUE task the official columns.
TaskColumns columns_of(const config::TaskConfig& task, std::int64_t max_length);

// As metadata["task"] of a checkpoint, and what it says of `model`: nothing of one from elsewhere.
void describe(TaskColumns& columns, io::JsonFields& fields);
TaskColumns columns_of(const model::LoadedModel& model);

}  // namespace espalier::train
