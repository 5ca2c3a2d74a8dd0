// One fine-tuning held together: data, classifier, updater, state and folder.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "espalier/config/finetune_config.h"
#include "espalier/data/labelled_loader.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/classifier.h"
#include "espalier/train/run_directory.h"
#include "train/finetune_data.h"
#include "train/updater.h"

namespace espalier::train {

struct FinetuneState {
  std::int64_t step = 0;
  double seconds = 0;  // wall time used by all sittings
  double eval_seconds = 0;
  std::int64_t tokens = 0;     // trained on, without padding
  std::int64_t positions = 0;  // with padding
  double loss_sum = 0;         // of all steps' losses, for the mean that is reported
  RunInputs inputs;            // of data and model
  double best_metric = -std::numeric_limits<double>::infinity();  // the higher the better
};
void describe(FinetuneState& state, io::JsonFields& fields);

// Beside the best.
inline constexpr std::int64_t kKeptCheckpoints = 1;

struct FinetuneRun {
  // `report_data`: warn of lines that were left out and the like. `expected`: inputs seen before.
  explicit FinetuneRun(const config::FinetuneConfig& requested, bool report_data = true,
                       const RunInputs& expected = {});

  std::int64_t steps_per_epoch() const { return train.batches(); }
  // Updates of all epochs, which need not be whole.
  std::int64_t total_steps() const;
  // Where training stops: there, or at train.max_steps.
  std::int64_t end_step() const;
  double used_fraction() const {
    return static_cast<double>(state.step) / static_cast<double>(total_steps());
  }
  double epoch() const { return static_cast<double>(state.step) / static_cast<double>(steps_per_epoch()); }
  // Writes a checkpoint and points last.h5 at it, with `best` also best.h5.
  void save(bool best);
  void write_trainer_state() const;
  // The loss of a batch, in training by the weights of the classes, and its logits.
  Variable loss(const data::LabelledBatch& batch, nn::ForwardContext& context, Variable* logits = nullptr);

  config::FinetuneConfig config;
  model::LoadedModel base;
  FinetuneData data;
  data::LabelledLoader train;
  std::vector<data::LabelledLoader> evaluation;  // one for each of data.evaluation
  RunDirectory directory;
  nn::SequenceClassifier model;
  Updater updater;
  Tensor class_weights;  // undefined: 1 each
  FinetuneState state;

 private:
  model::LabelInfo label_info() const;
  model::RoutingProvenance provenance() const;
  io::Checkpoint checkpoint();
  void begin();
  void begin_head();
  void resume(const io::Checkpoint& checkpoint, const std::string& where);
};

}  // namespace espalier::train
