// One pretraining run held together: data, model, updater, state and folder; and what is done with the
// whole of it.
#pragma once

#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "espalier/config/pretrain_config.h"
#include "espalier/data/masked_lm_loader.h"
#include "espalier/io/token_store.h"
#include "espalier/model/loaded_model.h"
#include "espalier/nn/masked_lm.h"
#include "espalier/train/evaluator.h"
#include "espalier/train/routing_schedule.h"
#include "espalier/train/run_directory.h"
#include "train/distiller.h"
#include "train/pretrain_state.h"
#include "train/updater.h"

namespace espalier::train {

struct PretrainRun {
  // Opens the data and the folder, builds the model, and resumes or initialises it.
  explicit PretrainRun(const config::PretrainConfig& requested);

  // Writes a checkpoint, updates last.h5, best.h5 and trainer_state.json. Failures stop or warn as
  // configured; where training ends with this checkpoint (`last`) they always stop, or it would be lost
  // unseen.
  void save(bool last = false);
  void write_trainer_state() const;
  double epoch() const;
  // Whether the budget is used, or train.max_steps reached.
  bool finished() const;
  // To go on training. InputError if distill.layers names layers and their teacher is gone; RunError if the
  // disk cannot hold the checkpoints still to come.
  void require_teacher() const;
  void require_space();

  io::TokenStoreReader store;
  std::optional<io::Checkpoint> init;  // what `init` names, until the weights are there
  config::PretrainConfig config;       // resolved: the vocabulary size is that of the data, arch that of init
  data::MaskedLmLoader train;
  data::MaskedLmLoader validation;
  RunDirectory directory;
  std::unique_ptr<Distiller> distiller;  // where distill.layers names some, and init is there
  nn::MaskedLm model;
  Updater updater;
  PretrainState state;
  io::Json sentence_files;  // of a sentence-transformers model that the run began with; null: none
  data::MaskedBatch batch;  // the one being trained on
  Evaluation last_evaluation;
  std::optional<DistillScores> last_distillation;  // instead, of a distillation
  std::optional<double> hardening_gap;             // of the last evaluation in the metrics, where it has one
  std::int64_t best_step = -1;  // of this sitting's best evaluation, if it is the best so far
  double best_step_loss = 0;
  bool resumed = false;

 private:
  void begin();
  void check_init(const std::string& where);
  void resume(const io::Checkpoint& checkpoint, const std::string& where);
  model::RoutingProvenance provenance() const;
  io::Checkpoint checkpoint();

  double saved_best_loss_ =
      std::numeric_limits<double>::infinity();  // state.best_loss of the last checkpoint
};

}  // namespace espalier::train
