#include "espalier/glue/glue.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/data/glue_submission.h"
#include "espalier/io/text_file.h"
#include "espalier/io/zip.h"
#include "espalier/model/loaded_model.h"
#include "espalier/processes/processes.h"
#include "espalier/train/finetuner.h"
#include "glue/baseline.h"
#include "glue/predict.h"
#include "glue/run.h"
#include "glue/summary.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;

const char kAnother[] = "Give another `run` folder to start anew, or move this one away.";

// How the results name the model, and what must not change.
struct Model {
  GlueModel description;
  train::RunInputs inputs;
};

Model describe_model(const std::string& model) {
  const io::Checkpoint checkpoint = model::load_model_checkpoint(model);
  const nn::EncoderOptions arch = model::arch_of(checkpoint, model);
  const nn::Neurons neurons = nn::neurons_of(arch.ffn);
  model::LoadedModel loaded = model::model_from_checkpoint(checkpoint, model);
  train::RunInputs inputs = train::inputs_of("model", model, loaded);
  GlueModel description;
  description.path = model;
  description.layers = arch.layers;
  description.hidden_size = arch.hidden_size;
  description.feed_forward = nn::describe(arch.ffn);
  description.neurons = neurons.all;
  description.neurons_used = neurons.used;
  description.weights_checksum = fmt::format("{:016x}", io::weights_checksum(checkpoint.model));
  return {std::move(description), std::move(inputs)};
}

// model.json: what the run has read of its model.
struct ModelRecord {
  train::RunInputs inputs;
};

void describe(ModelRecord& record, io::JsonFields& fields) {
  fields.add("inputs", record.inputs);
}

// A path may name another model than when the run was begun.
void require_same_model(const GlueFolder& folder, const Model& model) {
  const auto before = folder.read<ModelRecord>("model.json");
  if (before) train::require_same_inputs(model.inputs, before->inputs, folder.path().string(), kAnother);
}

// The run's tables and submission are of what is asked for: finished trainings that are not asked for would
// vanish from them.
void require_all_of_before(const GlueFolder& folder, const GluePlan& plan) {
  const auto refuse = [&](const std::string& key, const std::string& missing) {
    throw InputError(
        fmt::format("{}: the run has results of {}, which {} leaves out and its tables would lose: name it "
                    "too. {}",
                    folder.path().string(), missing, key, kAnother));
  };
  for (const GlueTraining& training : folder.finished()) {
    const auto task = std::find_if(plan.tasks.begin(), plan.tasks.end(),
                                   [&](const GlueTaskPlan& one) { return one.task->name == training.task; });
    if (task == plan.tasks.end()) refuse("glue.tasks", training.task);
    const auto seed = static_cast<std::int64_t>(training.seed);
    if (std::find(task->seeds.begin(), task->seeds.end(), seed) == task->seeds.end())
      refuse("glue.seeds", fmt::format("{} with seed {}", training.task, seed));
  }
}

void require_share_for_all(const config::GlueConfig& config, const GluePlan& plan) {
  for (const GlueTaskPlan& task : plan.tasks)
    for (const GlueSetting& setting : task.sweep)
      train::require_share_for_all(finetune_config(config, task, setting));
}

// inputs.json in a task's folder holds what its trainings, finished or begun, have read.
fs::path inputs_file(const GlueTaskPlan& plan) {
  return fs::path(folder_of(*plan.task)) / "inputs.json";
}

// Seeds that were scored on other sets of rows have no common table: a dev file of `these` that `those` lack
// is refused.
void require_dev_files(const train::RunInputs& these, const train::RunInputs& those, const std::string& where,
                       const std::string& change) {
  for (const train::RunInput& input : these) {
    if (!input.key.starts_with("dev") || train::find_input(those, input.key) != nullptr) continue;
    throw InputError(
        fmt::format("{}: {}: {}: {} to resume. {}", where, input.key, input.path, change, kAnother));
  }
}

void require_same_rows(const GlueFolder& folder, const GlueTaskPlan& plan) {
  const fs::path task = folder.path() / folder_of(*plan.task);
  const auto before = folder.read<train::RunInputs>(inputs_file(plan));
  if (!before) {
    if (!fs::exists(task / "model.h5")) return;
    throw InputError(
        fmt::format("{} is missing, without which nobody knows which rows the scores there are of: put it "
                    "back. {}",
                    (folder.path() / inputs_file(plan)).string(), kAnother));
  }
  require_dev_files(plan.inputs, *before, task.string(),
                    "was not there when the run was begun; move it away");
  require_dev_files(*before, plan.inputs, task.string(),
                    "was read when the run was begun, but is not there now; put it back");
  train::require_same_inputs(plan.inputs, *before, task.string(), kAnother);
}

void record_rows(const GlueFolder& folder, const GlueTaskPlan& plan) {
  const auto before = folder.read<train::RunInputs>(inputs_file(plan)).value_or(train::RunInputs());
  train::RunInputs recorded = before;
  for (const train::RunInput& input : plan.inputs) {
    if (train::find_input(before, input.key) == nullptr) recorded.push_back(input);
  }
  folder.write(inputs_file(plan), recorded);
}

// The trainings that are asked for, of tasks before this one and of this one up to a place.
class Counter {
 public:
  explicit Counter(std::int64_t all) : all_(all) {}
  std::string next() { return fmt::format("training {} of {}", ++done_, all_); }

 private:
  std::int64_t all_, done_ = 0;
};

GlueTaskResults train_task(const config::GlueConfig& config, const GlueTaskPlan& plan, const Model& model,
                           const GlueFolder& folder, Counter& counter) {
  // Its lock lets unfinished files of a killed process be removed.
  const io::RunLock lock(folder.path() / folder_of(*plan.task));
  io::remove_stale_temporaries(lock);
  record_rows(folder, plan);
  train::RunInputs inputs = model.inputs;
  inputs.insert(inputs.end(), plan.inputs.begin(), plan.inputs.end());
  const GlueJob job{config, plan, inputs, folder};
  GlueTaskResults result;
  result.plan = &plan;
  std::size_t chosen = 0;
  if (plan.sweep.size() > 1) {
    double best = 0;
    for (std::size_t i = 0; i < plan.sweep.size(); ++i) {
      result.sweep.push_back(read_or_train(job, plan.sweep[i], counter.next()));
      const double score = selection_score(config, result.sweep.back());
      if (i > 0 && score <= best) continue;
      best = score;
      chosen = i;
    }
    log_info(fmt::format("{}: lr {}, batch {} for all seeds", plan.task->folder, plan.sweep[chosen].lr,
                         plan.sweep[chosen].batch_size));
  }
  for (const std::int64_t seed : plan.seeds) {
    if (plan.sweep.size() > 1 && seed == plan.seeds.front()) {
      result.runs.push_back(result.sweep[chosen]);  // the sweep has this seed
      continue;
    }
    GlueSetting setting = plan.sweep[chosen];
    setting.seed = static_cast<std::uint64_t>(seed);
    result.runs.push_back(read_or_train(job, setting, counter.next()));
  }
  result.tests = predict_tests(config, plan, folder);
  return result;
}

// Packs what was predicted.
GlueSubmission pack(const GlueFolder& folder, const std::vector<GlueTaskResults>& tasks) {
  std::vector<data::SubmissionFile> files;
  for (const GlueTaskResults& task : tasks) {
    for (const GlueTestFile& file : task.tests.files) {
      files.push_back({file.name, io::read_text_file(folder.path() / "submission" / file.name)});
    }
  }
  GlueSubmission submission;
  const fs::path archive = folder.path() / "submission.zip";
  if (files.empty()) {
    submission.warnings.emplace_back("no test file was there: no submission.zip");
    return submission;
  }
  for (const std::string& warning : data::check_submission(files)) {
    log_warning(fmt::format("{}: {}", archive.string(), warning));
    submission.warnings.push_back(warning);
  }
  std::vector<io::ZipEntry> entries;
  for (data::SubmissionFile& file : files) {
    submission.files.push_back(file.name);
    entries.push_back({file.name, std::move(file.text)});
  }
  io::write_zip_atomically(archive, entries);
  return submission;
}

std::int64_t count_trainings(const GluePlan& plan) {
  std::int64_t count = 0;
  for (const GlueTaskPlan& task : plan.tasks) {
    count += static_cast<std::int64_t>(task.sweep.size() + task.seeds.size() - 1);
  }
  return count;
}

}  // namespace

GlueResults run_glue(const config::GlueConfig& config) {
  validate(config);
  const GluePlan plan = plan_glue(config);
  const Model model = describe_model(config.model);
  if (!config.baseline.empty()) read_baseline(config);
  require_share_for_all(config, plan);
  const GlueFolder folder(config);
  require_same_model(folder, model);
  require_all_of_before(folder, plan);
  for (const GlueTaskPlan& task : plan.tasks) require_same_rows(folder, task);
  processes::meet();  // from here on process 0 writes what the others have just read
  folder.write_text("config.yaml", config::dump(config));
  folder.write("model.json", ModelRecord{model.inputs});
  Counter counter(count_trainings(plan));
  std::vector<GlueTaskResults> tasks;
  GlueResults results;
  for (const GlueTaskPlan& task : plan.tasks) {
    tasks.push_back(train_task(config, task, model, folder, counter));
    results = summary_of(config, plan, model.description, tasks);
    folder.write("results.json", results);
  }
  processes::meet();  // all predictions are there
  results.submission = pack(folder, tasks);
  if (!config.baseline.empty()) results.baseline = compare_with_baseline(config, results);
  folder.write("results.json", results);
  folder.write_text("results.md", glue_markdown(results));
  return results;
}

}  // namespace espalier::glue
