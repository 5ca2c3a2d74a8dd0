#include "espalier/glue/glue.h"

#include <fmt/format.h>

#include <optional>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/data/glue_submission.h"
#include "espalier/io/text_file.h"
#include "espalier/io/zip.h"
#include "espalier/model/loaded_model.h"
#include "glue/baseline.h"
#include "glue/predict.h"
#include "glue/run.h"
#include "glue/summary.h"
#include "train/run_inputs.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;

const char kAnother[] = "Give another `run` folder to start anew, or move this one away.";

// How the results name the model, and what must not change.
struct Model {
  io::Json description;
  train::RunInputs inputs;
};

Model describe_model(const std::string& model) {
  const io::Checkpoint checkpoint = model::load_model_checkpoint(model);
  const nn::CrammedBertOptions arch = model::arch_of(checkpoint, model);
  const nn::Neurons neurons = nn::neurons_of(arch.ffn);
  model::LoadedModel loaded = model::load_model(model);
  train::RunInputs inputs = train::inputs_of("model", model, loaded);
  io::Json json = {{"path", model},
                   {"layers", arch.layers},
                   {"hidden_size", arch.hidden_size},
                   {"feed_forward", nn::describe(arch.ffn)},
                   {"neurons", neurons.all},
                   {"neurons_used", neurons.used},
                   {"weights_checksum", fmt::format("{:016x}", io::weights_checksum(checkpoint.model))}};
  return {std::move(json), std::move(inputs)};
}

// A path may name another model than when the run was begun.
void require_same_model(const GlueFolder& folder, const Model& model) {
  const std::optional<io::Json> before = folder.read("model.json");
  if (!before) return;
  const std::string where = folder.path().string();
  if (before->contains("inputs")) {
    train::require_same_inputs(model.inputs, before->at("inputs"), where, kAnother);
  } else if (before->at("weights_checksum") != model.description.at("weights_checksum")) {
    throw InputError(fmt::format("{}: model: {} holds other weights than when the run was begun. {}", where,
                                 model.description.at("path").get<std::string>(), kAnother));
  } else {
    train::warn_of_no_inputs(where, "the model's tokenizer");
  }
}

void record_model(const GlueFolder& folder, const Model& model) {
  io::Json recorded = model.description;
  recorded["inputs"] = train::to_json(model.inputs);
  folder.write("model.json", recorded);
}

// inputs.json in a task's folder holds what its trainings, finished or begun, have read.
fs::path inputs_file(const GlueTaskPlan& plan) {
  return fs::path(folder_of(*plan.task)) / "inputs.json";
}

// Seeds that were scored on other sets of rows have no common table.
void require_same_files(const train::RunInputs& now, const io::Json& before, const std::string& where) {
  const auto refuse = [&](const std::string& key, const std::string& path, const char* change) {
    throw InputError(fmt::format("{}: {}: {}: {} to resume. {}", where, key, path, change, kAnother));
  };
  io::Json there = train::to_json(now);
  for (const auto& [key, input] : there.items()) {
    if (key.starts_with("dev") && !before.contains(key)) {
      refuse(key, input.at("path"), "was not there when the run was begun; move it away");
    }
  }
  for (const auto& [key, input] : before.items()) {
    if (key.starts_with("dev") && !there.contains(key)) {
      refuse(key, io::JsonView(input, where)["path"].as_string(),
             "was read when the run was begun, but is not there now; put it back");
    }
  }
}

void require_same_rows(const GlueFolder& folder, const GlueTaskPlan& plan) {
  const fs::path task = folder_of(*plan.task);
  if (const std::optional<io::Json> before = folder.read(inputs_file(plan))) {
    require_same_files(plan.inputs, *before, (folder.path() / task).string());
    train::require_same_inputs(plan.inputs, *before, (folder.path() / task).string(), kAnother);
  } else if (fs::exists(folder.path() / task / "model.h5")) {
    train::warn_of_no_inputs((folder.path() / task).string(), "the rows");
  }
}

void record_rows(const GlueFolder& folder, const GlueTaskPlan& plan) {
  io::Json recorded = train::to_json(plan.inputs);
  if (const std::optional<io::Json> before = folder.read(inputs_file(plan))) recorded.update(*before);
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
  io::Json inputs = train::to_json(model.inputs);
  inputs.update(train::to_json(plan.inputs));
  const GlueTraining training{config, plan, inputs, folder};
  GlueTaskResults result;
  result.plan = &plan;
  GlueSetting chosen = plan.sweep.front();
  if (plan.sweep.size() > 1) {
    double best = 0;
    for (const GlueSetting& setting : plan.sweep) {
      result.sweep.push_back(read_or_train(training, setting, counter.next()));
      const double score = selection_score(config, result.sweep.back());
      if (result.sweep.size() > 1 && score <= best) continue;
      best = score;
      chosen = setting;
    }
    log_info(
        fmt::format("{}: lr {}, batch {} for all seeds", plan.task->folder, chosen.lr, chosen.batch_size));
  }
  for (const std::int64_t seed : plan.seeds) {
    GlueSetting setting = chosen;
    setting.seed = static_cast<std::uint64_t>(seed);
    const bool again = plan.sweep.size() > 1 && seed == plan.seeds.front();
    result.runs.push_back(read_or_train(training, setting, again ? "the sweep's" : counter.next()));
  }
  result.tests = predict_tests(config, plan, folder);
  return result;
}

// Packs what was predicted. The names of the files in the archive, and what is wrong with it.
io::Json pack(const GlueFolder& folder, const std::vector<GlueTaskResults>& tasks) {
  std::vector<data::SubmissionFile> files;
  for (const GlueTaskResults& task : tasks) {
    for (const io::Json& file : task.tests.at("files")) {
      const std::string name = file.at("name").get<std::string>();
      files.push_back({name, io::read_text_file(folder.path() / "submission" / name)});
    }
  }
  io::Json json = {{"files", io::Json::array()}, {"warnings", io::Json::array()}};
  const fs::path archive = folder.path() / "submission.zip";
  if (files.empty()) {
    json["warnings"].push_back("no test file was there: no submission.zip");
    return json;
  }
  for (const std::string& warning : data::check_submission(files)) {
    log_warning(fmt::format("{}: {}", archive.string(), warning));
    json["warnings"].push_back(warning);
  }
  std::vector<io::ZipEntry> entries;
  for (data::SubmissionFile& file : files) {
    json["files"].push_back(file.name);
    entries.push_back({file.name, std::move(file.text)});
  }
  io::write_zip_atomically(archive, entries);
  return json;
}

std::int64_t count_trainings(const GluePlan& plan) {
  std::int64_t count = 0;
  for (const GlueTaskPlan& task : plan.tasks) {
    count += static_cast<std::int64_t>(task.sweep.size() + task.seeds.size() - 1);
  }
  return count;
}

}  // namespace

io::Json run_glue(const config::GlueConfig& config) {
  validate(config);
  const GluePlan plan = plan_glue(config);
  const Model model = describe_model(config.model);
  if (!config.baseline.empty()) read_baseline(config);
  const GlueFolder folder(config);
  require_same_model(folder, model);
  for (const GlueTaskPlan& task : plan.tasks) require_same_rows(folder, task);
  folder.write_text("config.yaml", config::dump(config));
  record_model(folder, model);
  Counter counter(count_trainings(plan));
  std::vector<GlueTaskResults> tasks;
  io::Json results;
  for (const GlueTaskPlan& task : plan.tasks) {
    tasks.push_back(train_task(config, task, model, folder, counter));
    results = results_json(config, plan, model.description, tasks);
    folder.write("results.json", results);
  }
  results["submission"] = pack(folder, tasks);
  if (!config.baseline.empty()) results["baseline"] = compare_with_baseline(config, results);
  folder.write("results.json", results);
  folder.write_text("results.md", glue_markdown(results));
  return results;
}

}  // namespace espalier::glue
