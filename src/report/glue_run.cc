#include "report/glue_run.h"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/data/glue.h"

namespace espalier::report {
namespace {

namespace fs = std::filesystem;

// The configuration of a training says where its texts are; another program's has none.
config::TaskConfig task_of(const fs::path& training, const std::string& task) {
  config::TaskConfig config;
  if (fs::exists(training / "config.yaml")) {
    config = config_of<config::FinetuneConfig>(open_run_folders({training}).front()).task;
  }
  config.name = task;
  return config;
}

// `Run` has the folder of a training below the run's, empty where another program kept none.
template <class Run>
GlueTaskView task_view(const fs::path& run, const std::string& name, double score,
                       const std::vector<Run>& seeds) {
  GlueTaskView view{.name = name};
  view.title = data::is_glue_task(name) ? data::find_glue_task(name).folder : name;
  if (std::isfinite(score)) view.score = score;
  std::vector<fs::path> trainings;
  for (const Run& seed : seeds) {
    if (!seed.folder.empty()) trainings.push_back(run / seed.folder);
  }
  if (trainings.empty()) return view;
  try {
    view.predictions = read_predictions(trainings, task_of(trainings.front(), name));
  } catch (const Error& error) {
    view.predictions.push_back({.notes = {error.what()}});
  }
  return view;
}

// "all-MiniLM-L6-v2" of a path to it.
std::string model_name(const io::Json& model) {
  const io::JsonView view(model, "model");
  return model.is_object() ? view.get("path", "") : model.is_string() ? view.as_string() : "";
}

void read_results(const fs::path& file, GlueRun& glue) {
  try {
    glue.results = io::read_record<glue::GlueResults>(file);
    glue.model = glue.results->model.path;
    for (const auto& [name, task] : glue.results->tasks) {
      glue.tasks.push_back(task_view(file.parent_path(), name, task.score, task.runs));
    }
  } catch (const InputError&) {
    // What a comparison needs is written by other programs too; that a file holds less is an error.
    const auto other = io::read_record<glue::ComparedResults>(file);
    glue.model = model_name(other.model);
    for (const auto& [name, task] : other.tasks) {
      glue.tasks.push_back(task_view(file.parent_path(), name, task.score, task.runs));
    }
  }
}

}  // namespace

GlueRun read_glue_run(RunFolder run) {
  GlueRun glue;
  for (const config::Setting& setting : run.settings) {
    if (setting.key == "model" && setting.values.size() == 1) glue.model = setting.values[0];
  }
  const fs::path file = run.path / "results.json";
  if (!fs::exists(file)) {
    run.notes.emplace_back("there is no results.json yet: no task is finished");
  } else {
    try {
      read_results(file, glue);
    } catch (const Error& error) {  // the other runs of the page are whole
      run.notes.emplace_back(error.what());
    }
  }
  glue.run = std::move(run);
  return glue;
}

}  // namespace espalier::report
