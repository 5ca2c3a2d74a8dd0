#include "train/task_columns.h"

#include <algorithm>
#include <cstdlib>

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
  fields.add_later("text", columns.text);
  fields.add_later("text_pair", columns.text_pair);
  fields.add_later("header", columns.header);
  fields.add_later("max_length", columns.max_length);
}

TaskColumns columns_of(const model::LoadedModel& model) {
  const io::JsonView metadata(model.metadata, model.source.string() + ": metadata");
  TaskColumns columns;
  if (metadata.has("task")) columns = io::from_json<TaskColumns>(metadata["task"]);
  if (columns.max_length > 0 || model.config_yaml.empty() || !model.classifier) return columns;
  // Of earlier versions.
  const std::int64_t length = std::strtoll(trained_with(model, "train.max_length", "0").c_str(), nullptr, 10);
  columns.max_length = std::min(length, model.arch.embedding.max_positions);
  if (metadata.has("task")) return columns;
  config::TaskConfig task;
  task.name = trained_with(model, "task.name", task.name);
  task.text = trained_with(model, "task.text", "");
  task.text_pair = trained_with(model, "task.text_pair", "");
  return columns_of(task, columns.max_length);
}

}  // namespace espalier::train
