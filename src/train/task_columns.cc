#include "train/task_columns.h"

#include "espalier/config/fields.h"
#include "espalier/data/glue.h"

namespace espalier::train {
namespace {

// A key of the configuration that the model was trained with, or `otherwise`.
std::string trained_with(const model::LoadedModel& model, const std::string& key,
                         const std::string& otherwise) {
  for (const config::Setting& setting :
       config::parse_yaml(model.config_yaml, model.source.string() + ": config.yaml")) {
    if (setting.key == key && !setting.values.empty()) return setting.values[0];
  }
  return otherwise;
}

}  // namespace

TaskColumns columns_of(const config::TaskConfig& task) {
  if (!data::is_glue_task(task.name)) return {task.text, task.text_pair};
  const data::GlueTask& glue = data::find_glue_task(task.name);
  return {glue.text, glue.text_pair};
}

void describe(TaskColumns& columns, io::JsonFields& fields) {
  fields.add_later("text", columns.text);
  fields.add_later("text_pair", columns.text_pair);
}

TaskColumns columns_of(const model::LoadedModel& model) {
  const io::JsonView metadata(model.metadata, model.source.string() + ": metadata");
  if (metadata.has("task")) return io::from_json<TaskColumns>(metadata["task"]);
  if (model.config_yaml.empty() || !model.classifier) return {};
  config::TaskConfig task;
  task.name = trained_with(model, "task.name", task.name);
  task.text = trained_with(model, "task.text", "");
  task.text_pair = trained_with(model, "task.text_pair", "");
  return columns_of(task);
}

}  // namespace espalier::train
