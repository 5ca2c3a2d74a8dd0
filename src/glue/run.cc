#include "glue/run.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <utility>

#include "espalier/base/log.h"
#include "espalier/io/checkpoint.h"
#include "espalier/processes/processes.h"
#include "espalier/train/finetuner.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;

// The scores of one evaluation, a row a set and metric.
std::vector<GlueScore> scores_of(const GlueTaskPlan& plan, const train::FinetuneEvaluation& evaluation) {
  std::vector<GlueScore> scores;
  for (std::size_t i = 0; i < plan.dev_files.size(); ++i) {
    const train::SetScores& set = evaluation.sets.at(i);
    for (const train::MetricScore& metric : set.metrics) {
      GlueScore score{.set = plan.dev_files[i].split, .metric = metric.name, .value = metric.value};
      if (metric.interval) {
        score.low = metric.interval->low;
        score.high = metric.interval->high;
      }
      score.n = set.samples;
      scores.push_back(std::move(score));
    }
  }
  return scores;
}

GlueTraining result_of(const GlueTaskPlan& plan, const GlueSetting& setting, const std::string& folder,
                       const train::FinetuneResults& all) {
  GlueTraining result;
  result.task = plan.task->name;
  result.seed = setting.seed;
  result.lr = setting.lr;
  result.batch_size = setting.batch_size;
  result.folder = folder;
  result.train_rows = all.train.train_samples;
  result.train_loss = all.train.train_loss;
  result.seconds = all.train.train_runtime;
  result.eval_seconds = all.eval.runtime;
  result.tokens_per_second = all.train.train_tokens_per_second;
  result.padding_share = all.train.train_padding_share;
  result.last = all.evaluations.size() - 1;
  for (const train::FinetuneEvaluation& evaluation : all.evaluations) {
    if (evaluation.best) result.best = result.epochs.size();
    result.epochs.push_back({evaluation.epoch, evaluation.step, evaluation.sets.front().loss,
                             scores_of(plan, evaluation), evaluation.warnings});
  }
  return result;
}

// Makes this training's model the task's if it is better than what is there.
void keep_model(const GlueJob& job, const GlueTraining& result) {
  if (!processes::writes()) return;
  const KeptModel kept{result.folder, selection_score(job.config, result)};
  const fs::path task = folder_of(*job.plan.task);
  // Both files are there, or it is made again: a run may have ended between them.
  const auto before = job.folder.read<KeptModel>(task / "model.json");
  if (before && fs::exists(job.folder.path() / task / "model.h5") && kept.score <= before->score) return;
  io::Checkpoint model =
      io::load_checkpoint(job.folder.path() / kept.folder / (config::epoch_name(job.config.epoch) + ".h5"),
                          io::LoadParts::kModel);
  model.metadata["glue"] = {{"task", job.plan.task->name}, {"folder", kept.folder}};
  io::save_checkpoint(job.folder.path() / task / "model.h5", model);
  job.folder.write(task / "model.json", kept);
}

// A finished training is not continued: its result and predictions stay, its checkpoints go.
void remove_checkpoints(const fs::path& run) {
  if (!processes::writes()) return;
  std::error_code error;
  for (const char* name : {"checkpoints", "last.h5", "best.h5"}) {
    fs::remove_all(run / name, error);
    if (error)
      log_warning(fmt::format("{}: could not be removed: {}", (run / name).string(), error.message()));
  }
}

std::optional<GlueTraining> read_result(const GlueFolder& folder, const fs::path& file) {
  try {
    return folder.read<GlueTraining>(file);
  } catch (const InputError& error) {
    throw InputError(
        fmt::format("{}; delete this file, and the same command makes its training again", error.what()));
  }
}

}  // namespace

void describe(KeptModel& kept, io::JsonFields& fields) {
  fields.add("folder", kept.folder);
  fields.add("score", kept.score);
}

double selection_score(const config::GlueConfig& config, const GlueTraining& training) {
  const double value = training.at(config.epoch).scores.front().value;
  return std::isfinite(value) ? value : -std::numeric_limits<double>::infinity();
}

GlueTraining read_or_train(const GlueJob& job, const GlueSetting& setting, const std::string& progress) {
  const auto& [config, plan, inputs, folder] = job;
  const fs::path below = fs::path(folder_of(*plan.task)) / folder_of(config, setting);
  const fs::path file = below / "result.json";
  if (const auto finished = read_result(folder, file)) {
    // A kill may have come between the result and this.
    remove_checkpoints(folder.path() / below);
    return *finished;
  }
  const config::FinetuneConfig training = finetune_config(config, plan, setting);
  log_info(fmt::format("{}: {} seed {}, lr {}, batch {}", progress, plan.task->folder, setting.seed,
                       setting.lr, setting.batch_size));
  train::FinetuneOptions options;
  options.title = fmt::format("{} seed {}", plan.task->folder, setting.seed);
  options.report_data = false;
  options.report_unread = setting.seed == static_cast<std::uint64_t>(plan.seeds.front());
  options.inputs = inputs;
  GlueTraining result = result_of(plan, setting, below.string(), train::finetune(training, options));
  keep_model(job, result);
  folder.write(file, result);
  remove_checkpoints(folder.path() / below);
  processes::meet();  // what comes next may read it
  return result;
}

}  // namespace espalier::glue
