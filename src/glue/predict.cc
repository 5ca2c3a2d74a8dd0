#include "glue/predict.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/base/progress.h"
#include "espalier/data/glue_submission.h"
#include "espalier/data/labelled_loader.h"
#include "espalier/model/loaded_model.h"
#include "espalier/train/run_inputs.h"
#include "glue/run.h"
#include "train/set_predictions.h"

namespace espalier::glue {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPredictionBatch = 32;

metrics::Predictions predict(model::LoadedModel& model, const data::LabelledData& data,
                             std::int64_t max_length, const std::string& title) {
  data::LabelledLoaderOptions options;
  options.batch_size = kPredictionBatch;
  options.encoding = model::classifier_encoding(model.arch);
  options.max_length = std::min(max_length, model.arch.embedding.max_positions);
  options.bucket_by_length = true;
  data::LabelledLoader loader(model.require_tokenizer(), data, options);
  Progress progress(title);
  const auto compute = [&](const data::LabelledBatch& batch, double done) {
    nn::ForwardContext context;
    const Variable logits = model.require_classifier().forward(batch.tokens, context);
    progress.update(done, "");
    return train::BatchResult{0, logits.value()};
  };
  return train::predict_rows(data, loader, "stopped while predicting test rows; the same command continues",
                             compute)
      .predictions;
}

// Whether what was predicted is of this model and of the rows that the files hold now.
bool is_done(const GlueFolder& folder, const GlueTests& done, const std::string& model,
             const GlueTaskPlan& plan) {
  if (done.folder != model || done.files.size() != plan.test_files.size()) return false;
  for (const train::RunInput& input : plan.test_inputs) {
    const train::RunInput* then = train::find_input(done.inputs, input.key);
    if (then == nullptr) return false;
    const std::string change = train::difference(input, *then);
    if (change.empty()) continue;
    log_info(fmt::format("{}; its rows are predicted again", change));
    return false;
  }
  return std::all_of(done.files.begin(), done.files.end(), [&](const GlueTestFile& file) {
    return fs::exists(folder.path() / "submission" / file.name);
  });
}

model::LoadedModel load_kept(const GlueFolder& folder, const fs::path& file, const std::string& training) {
  try {
    return model::load_model(file);
  } catch (const InputError& error) {
    throw InputError(
        fmt::format("{}; it is that of {}, whose checkpoints are gone: delete it and {}, and the same "
                    "command makes both again",
                    error.what(), training, (folder.path() / training / "result.json").string()));
  }
}

}  // namespace

GlueTests predict_tests(const config::GlueConfig& config, const GlueTaskPlan& plan,
                        const GlueFolder& folder) {
  const fs::path task = folder_of(*plan.task);
  GlueTests result;
  const auto kept = folder.read<KeptModel>(task / "model.json");
  if (!kept) {
    throw InputError(fmt::format(
        "{} is missing, which says of which training model.h5 beside it is: put it back, or delete the "
        "result.json of this task's trainings, which are then made again",
        (folder.path() / task / "model.json").string()));
  }
  result.folder = kept->folder;
  const fs::path weights = folder.path() / task / "model.h5";
  if (plan.test_files.empty() && fs::exists(weights)) return result;
  const auto done = folder.read<GlueTests>(task / "test.json");
  if (done && fs::exists(weights) && is_done(folder, *done, result.folder, plan)) return *done;
  model::LoadedModel model = load_kept(folder, weights, result.folder);
  for (const data::GlueFile& file : plan.test_files) {
    const data::LabelledData data = data::read_glue(*plan.task, config.dir, file.split);
    result.inputs.push_back(train::input_of(file.split, data));
    const metrics::Predictions predictions =
        predict(model, data, plan.recipe.max_length, "predicting " + file.submission);
    folder.write_text(fs::path("submission") / file.submission,
                      data::submission_text(*plan.task, predictions.classes, predictions.values));
    result.files.push_back({file.submission, static_cast<std::int64_t>(data.rows.size())});
  }
  folder.write(task / "test.json", result);
  return result;
}

}  // namespace espalier::glue
