// Which columns of its files a classifier was trained on.
#pragma once

#include <string>

#include "espalier/config/finetune_config.h"
#include "espalier/io/json_fields.h"
#include "espalier/model/loaded_model.h"

namespace espalier::train {

struct TaskColumns {
  std::string text;       // empty: not known
  std::string text_pair;  // empty: single texts, or not known
};

// Those of `task`, of a GLUE task the official ones.
TaskColumns columns_of(const config::TaskConfig& task);

// As metadata["task"] of a checkpoint, and what it says of `model`; of a run from before it was kept there,
// its configuration. Nothing is known of a model from elsewhere.
void describe(TaskColumns& columns, io::JsonFields& fields);
TaskColumns columns_of(const model::LoadedModel& model);

}  // namespace espalier::train
