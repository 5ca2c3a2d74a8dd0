#include "glue/run.h"

#include <fmt/format.h>

#include <limits>

#include "espalier/base/log.h"
#include "espalier/io/checkpoint.h"
#include "espalier/train/finetuner.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;

// The scores of one evaluation, a row a set and metric.
io::Json scores_of(const GlueTaskPlan& plan, const io::Json& evaluation) {
  io::Json scores = io::Json::array();
  for (const data::GlueFile& file : plan.dev_files) {
    for (const std::string& metric : plan.task->metrics) {
      const std::string key = "eval_" + metric + file.suffix;
      io::Json score;
      score["set"] = file.split;
      score["metric"] = metric;
      score["value"] = evaluation.at(key);
      const auto interval = evaluation.find(key + "_interval");
      const bool has_interval = interval != evaluation.end();
      score["low"] = has_interval ? interval->at(0) : io::Json();
      score["high"] = has_interval ? interval->at(1) : io::Json();
      score["n"] = evaluation.at("eval_samples" + file.suffix);
      scores.push_back(std::move(score));
    }
  }
  return scores;
}

io::Json result_of(const GlueTaskPlan& plan, const GlueSetting& setting, const std::string& folder,
                   const io::Json& all, const io::Json& evaluations) {
  io::Json result;
  result["task"] = plan.task->name;
  result["seed"] = setting.seed;
  result["lr"] = setting.lr;
  result["batch_size"] = setting.batch_size;
  result["folder"] = folder;
  result["train_rows"] = all.at("train_samples");
  result["train_loss"] = all.at("train_loss");
  result["seconds"] = all.at("train_runtime");
  result["eval_seconds"] = all.at("eval_runtime");
  result["tokens_per_second"] = all.at("train_tokens_per_second");
  result["padding_share"] = all.at("train_padding_share");
  result["last"] = evaluations.size() - 1;
  result["best"] = 0;
  io::Json epochs = io::Json::array();
  for (const io::Json& evaluation : evaluations) {
    if (evaluation.at("best").get<bool>()) result["best"] = epochs.size();
    io::Json epoch;
    epoch["epoch"] = evaluation.at("epoch");
    epoch["step"] = evaluation.at("step");
    epoch["loss"] = evaluation.at("eval_loss");
    epoch["scores"] = scores_of(plan, evaluation);
    if (evaluation.contains("warnings")) epoch["warnings"] = evaluation.at("warnings");
    epochs.push_back(std::move(epoch));
  }
  result["epochs"] = std::move(epochs);
  return result;
}

// The best score of the task's finished trainings, its present model's.
double best_so_far(const GlueFolder& folder, const GlueTaskPlan& plan) {
  const auto kept = folder.read(fs::path(folder_of(*plan.task)) / "model.json");
  return kept && kept->at("score").is_number() ? kept->at("score").get<double>()
                                               : -std::numeric_limits<double>::infinity();
}

// Makes this training's model the task's if it is better than what is there.
void keep_model(const config::GlueConfig& config, const GlueTaskPlan& plan, const GlueFolder& folder,
                const io::Json& result) {
  const double score = selection_score(config, result);
  const fs::path task = folder_of(*plan.task);
  if (fs::exists(folder.path() / task / "model.h5") && score <= best_so_far(folder, plan)) return;
  const std::string run = result.at("folder").get<std::string>();
  io::Checkpoint model = io::load_checkpoint(folder.path() / run / (config::epoch_name(config.epoch) + ".h5"),
                                             io::LoadParts::kModel);
  model.metadata["glue"] = {{"task", plan.task->name}, {"folder", run}};
  io::save_checkpoint(folder.path() / task / "model.h5", model);
  folder.write(task / "model.json", {{"folder", run}, {"score", io::finite_or_null(score)}});
}

// A finished training is not continued: its result and predictions stay, its checkpoints go.
void remove_checkpoints(const fs::path& run) {
  std::error_code error;
  for (const char* name : {"checkpoints", "last.h5", "best.h5"}) {
    fs::remove_all(run / name, error);
    if (error)
      log_warning(fmt::format("{}: could not be removed: {}", (run / name).string(), error.message()));
  }
}

}  // namespace

double selection_score(const config::GlueConfig& config, const io::Json& result) {
  const auto epoch = result.at(config::epoch_name(config.epoch)).get<std::size_t>();
  const io::Json& value = result.at("epochs").at(epoch).at("scores").at(0).at("value");
  return value.is_number() ? value.get<double>() : -std::numeric_limits<double>::infinity();
}

io::Json read_or_train(const GlueTraining& shared, const GlueSetting& setting, const std::string& progress) {
  const auto& [config, plan, inputs, folder] = shared;
  const fs::path below = fs::path(folder_of(*plan.task)) / folder_of(config, setting);
  const fs::path file = below / "result.json";
  if (const std::optional<io::Json> finished = folder.read(file)) {
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
  const io::Json all = train::finetune(training, options);
  io::Json result = result_of(plan, setting, below.string(), all, train::finetune_evaluations(training.run));
  keep_model(config, plan, folder, result);
  folder.write(file, result);
  remove_checkpoints(folder.path() / below);
  return result;
}

}  // namespace espalier::glue
