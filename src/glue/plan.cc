#include "glue/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/joined.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "train/finetune_data.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;

std::vector<GlueSetting> sweep_of(const config::GlueConfig& config, const GlueTaskPlan& plan) {
  const config::FinetuneConfig& recipe = plan.recipe;
  std::vector<double> rates = config.sweep_lr;
  std::vector<std::int64_t> sizes = config.sweep_batch_size;
  if (rates.empty()) rates = {recipe.optimizer.lr};
  if (sizes.empty()) sizes = {recipe.batch_size};
  std::vector<GlueSetting> settings;
  for (const double lr : rates) {
    for (const std::int64_t size : sizes) {
      settings.push_back({lr, size, static_cast<std::uint64_t>(plan.seeds.front())});
    }
  }
  return settings;
}

// Reads a file for its faults and notes what it holds; the text for the report.
std::string look_at(const data::GlueTask& task, const fs::path& directory, const data::GlueFile& file,
                    train::RunInputs& inputs) {
  const data::LabelledData data = data::read_glue(task, directory, file.split);
  train::report_oddities(data);
  inputs.push_back(train::input_of(file.split, data));
  return fmt::format("{} {}", data.rows.size(), file.split);
}

// Finds the files of a task. The reason if it has to be skipped, else empty.
std::string find_files(const config::GlueConfig& config, GlueTaskPlan& plan) {
  const data::GlueTask& task = *plan.task;
  const auto is_there = [&](const data::GlueFile& file) {
    return !data::find_glue_file(task, config.dir, file.split).empty();
  };
  const fs::path folder = fs::path(config.dir) / task.folder;
  if (!is_there(task.files.front())) return fmt::format("no {}", (folder / "train.tsv").string());
  for (const data::GlueFile& file : task.dev_files()) {
    if (is_there(file)) {
      plan.dev_files.push_back(file);
    } else if (plan.dev_files.empty()) {
      return fmt::format("no {}", (folder / file.paths.front()).string());
    } else {
      log_warning(fmt::format("{}: no {}; its scores are left out", task.folder, file.paths.front()));
    }
  }
  for (const data::GlueFile& file : task.test_files()) {
    if (is_there(file)) {
      plan.test_files.push_back(file);
    } else {
      plan.missing.push_back(file.submission);
    }
  }
  return "";
}

void look_at_all(const config::GlueConfig& config, GlueTaskPlan& plan) {
  const data::GlueTask& task = *plan.task;
  std::string rows = look_at(task, config.dir, task.files.front(), plan.inputs);
  for (const data::GlueFile& file : plan.dev_files) {
    rows += ", " + look_at(task, config.dir, file, plan.inputs);
  }
  for (const data::GlueFile& file : plan.test_files) {
    rows += ", " + look_at(task, config.dir, file, plan.test_inputs);
  }
  log_info(fmt::format("{}: {} rows{}", task.folder, rows,
                       plan.missing.empty() ? "" : "; no test file for " + joined(plan.missing)));
}

void check_names(const config::GlueConfig& config) {
  std::set<std::string> seen;
  for (const std::string& name : config.tasks) {
    if (!seen.insert(data::find_glue_task(name).name).second) {
      throw InputError(fmt::format("glue.tasks: `{}` is named twice", name));
    }
  }
  for (const config::Setting& setting : config.per_task) {
    const std::string name = setting.key.substr(0, setting.key.find('.'));
    if (!data::is_glue_task(name) || data::find_glue_task(name).name != name) {
      throw InputError(fmt::format("{}: per_task.{}: no task `{}`; they are: {}", setting.where, setting.key,
                                   name, joined(data::glue_tasks(), ", ", &data::GlueTask::name)));
    }
  }
}

// Whether a recipe reads a key of the command line; if not, what is said of it.
bool reads(const config::FinetuneConfig& recipe, const config::Setting& setting, std::string& refusal) {
  config::FinetuneConfig one = recipe;
  one.given = {setting};
  try {
    require_read(one);
    return true;
  } catch (const InputError& error) {
    refusal = error.what();
    return false;
  }
}

// An exception on the command line for a task that is none of these.
void require_asked_for(const config::GlueConfig& config) {
  for (const config::Setting& setting : config.per_task) {
    const std::string task = setting.key.substr(0, setting.key.find('.'));
    const bool asked = std::any_of(config.tasks.begin(), config.tasks.end(), [&](const std::string& name) {
      return data::find_glue_task(name).name == task;
    });
    if (asked || setting.where != config::kCommandLine) continue;
    throw InputError(fmt::format("{}: per_task.{}: {} is none of glue.tasks ({}): leave it out",
                                 setting.where, setting.key, task, fmt::join(config.tasks, ", ")));
  }
}

// A key of the command line may be there for the mode or schedule of one task.
void require_read_by_a_task(const config::GlueConfig& config) {
  for (const config::Setting& setting : config.recipe.given) {
    std::string refusal;
    const bool read = std::any_of(config.tasks.begin(), config.tasks.end(), [&](const std::string& name) {
      return reads(recipe_of(config, data::find_glue_task(name).name), setting, refusal);
    });
    if (!read) throw InputError(refusal);
  }
}

}  // namespace

void require_read(const config::GlueConfig& config) {
  check_names(config);
  // What was begun may go on.
  if (fs::exists(fs::path(config.run) / "config.yaml")) return;
  require_asked_for(config);
  require_exceptions_read(config);
  require_read_by_a_task(config);
}

GluePlan plan_glue(const config::GlueConfig& config) {
  require_read(config);
  if (!fs::is_directory(config.dir))
    throw InputError(fmt::format("glue.dir: {}: no such folder", config.dir));
  // A task's own folder would be read as every task's.
  if (fs::exists(fs::path(config.dir) / "train.tsv")) {
    throw InputError(
        fmt::format("glue.dir: {} holds a train.tsv, so it is the folder of one task; give the folder above "
                    "it, which holds one for each task",
                    config.dir));
  }
  GluePlan result;
  for (const std::string& name : config.tasks) {
    GlueTaskPlan plan;
    plan.task = &data::find_glue_task(name);
    plan.recipe = recipe_of(config, plan.task->name);
    plan.seeds = seeds_of(config, plan.task->name);
    plan.sweep = sweep_of(config, plan);
    const std::string reason = find_files(config, plan);
    if (reason.empty()) {
      look_at_all(config, plan);
      result.tasks.push_back(std::move(plan));
    } else {
      log_warning(fmt::format("{} is skipped: {}", plan.task->folder, reason));
      result.skipped.push_back({plan.task->name, reason});
    }
  }
  if (!result.tasks.empty()) return result;
  throw InputError(
      fmt::format("glue.dir: {} holds none of these tasks: {} ({}); the layout is that of the "
                  "official archive",
                  config.dir, fmt::join(config.tasks, ", "), result.skipped.front().reason));
}

std::string folder_of(const data::GlueTask& task) {
  return task.folder;
}

std::string folder_of(const config::GlueConfig& config, const GlueSetting& setting) {
  if (config.sweep_lr.empty() && config.sweep_batch_size.empty()) return fmt::format("seed-{}", setting.seed);
  return fmt::format("lr-{}-batch-{}-seed-{}", setting.lr, setting.batch_size, setting.seed);
}

config::FinetuneConfig finetune_config(const config::GlueConfig& config, const GlueTaskPlan& plan,
                                       const GlueSetting& setting) {
  config::FinetuneConfig result = plan.recipe;
  result.model = config.model;
  result.run = (fs::path(config.run) / folder_of(*plan.task) / folder_of(config, setting)).string();
  result.resume = "auto";
  result.seed = setting.seed;
  result.task.name = plan.task->name;
  result.task.dir = config.dir;
  result.optimizer.lr = setting.lr;
  result.batch_size = setting.batch_size;
  std::string refusal;  // another task reads what this one does not
  std::erase_if(result.given, [&](const config::Setting& key) { return !reads(plan.recipe, key, refusal); });
  return result;
}

}  // namespace espalier::glue
