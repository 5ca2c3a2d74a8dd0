#include "train/task_columns.h"

#include "espalier/config/fields.h"
#include "espalier/data/glue.h"

namespace espalier::train {

std::string trained_with(const model::LoadedModel& model, const std::string& key,
                         const std::string& otherwise) {
  for (const config::Setting& setting :
       config::parse_yaml(model.config_yaml, model.source.string() + ": config.yaml")) {
    if (setting.key == key && !setting.values.empty()) return setting.values[0];
  }
  return otherwise;
}

TaskColumns columns_of(const config::TaskConfig& task, std::int64_t max_length) {
  if (!data::is_glue_task(task.name)) return {task.text, task.text_pair, task.header, max_length};
  const data::GlueTask& glue = data::find_glue_task(task.name);
  return {glue.text, glue.text_pair, true, max_length};
}

void describe(TaskColumns& columns, io::JsonFields& fields) {
  fields.add("text", columns.text);
  fields.add("text_pair", columns.text_pair);
  fields.add("header", columns.header);
  fields.add("max_length", columns.max_length);
}

TaskColumns columns_of(const model::LoadedModel& model) {
  const io::JsonView metadata(model.metadata, model.source.string() + ": metadata");
  return metadata.has("task") ? io::from_json<TaskColumns>(metadata["task"]) : TaskColumns();
}

}  // namespace espalier::train
