// What `espalier pretrain` reads. Defaults are the crammed recipe (arXiv 2212.14034) as UltraFastBERT used
// it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "espalier/config/arch_config.h"
#include "espalier/config/fields.h"
#include "espalier/config/resume_rule.h"
#include "espalier/config/routing_config.h"
#include "espalier/ops/precision.h"
#include "espalier/optim/optimizer.h"
#include "espalier/optim/schedule.h"

namespace espalier::config {

// What updates the weights, and how far a gradient may go.
struct OptimizerConfig {
  optim::OptimizerKind kind = optim::OptimizerKind::kAdamW;
  double lr = 1e-3;     // at the schedule's peak
  double beta1 = 0.9;   // decay of the first moment
  double beta2 = 0.98;  // ... and of the second
  double eps = 1e-12;
  double momentum = 0.95;      // Muon's
  double weight_decay = 0.01;  // decoupled; of matrices and embeddings only
  double clip = 0.5;           // global L2 norm; 0: no clipping
};

// How long a training lasts, and what its schedules run over: one of the three, the others 0.
struct BudgetConfig {
  std::int64_t tokens = 0;  // of the data, predicted or not
  std::int64_t steps = 0;   // updates
  double minutes = 0;       // of wall time, over all sittings; not reproducible bit for bit
};

// What a distillation's errors are shares of: |y|^2 of all tokens of a pass together, so that the longest
// weigh most, or of each token its own.
enum class RelativeTo { kLayer, kToken };

// New feedforward layers in place of some of `init`'s, trained to give what those give.
struct DistillConfig {
  std::vector<std::int64_t> layers;  // empty: none
  double layerwise_until = 0.7;      // used fraction of the budget; then the model's output as a whole
  RelativeTo relative_to = RelativeTo::kLayer;
  std::int64_t start_tokens = 32768;  // to which the new layers are fitted before training; 0: random weights
};

struct PretrainConfig {
  std::string data;             // folder of `espalier prepare`
  std::string run;              // folder of this training
  std::string resume = "auto";  // auto, never, or a checkpoint to continue from
  std::string init;             // a MODEL whose weights to begin with; empty: at random
  std::uint64_t seed = 1;       // of initial weights, masks, dropout and leaks
  nn::EncoderOptions arch;
  DistillConfig distill;
  RoutingConfig routing;
  BudgetConfig budget;
  std::int64_t max_steps = 0;  // stops here, its schedules unchanged; 0: at the budget's end
  OptimizerConfig optimizer;
  optim::ScheduleKind schedule = optim::ScheduleKind::kCrammed;
  double warmup = 0.0;               // share of the budget in which the learning rate rises
  std::int64_t batch_size = 8192;    // sequences of an update
  std::int64_t micro_batch = 128;    // sequences in memory at a time, at most
  std::int64_t gradient_groups = 0;  // parts of an update that processes share; 0: 8, or what there is
  double batch_ramp = 0.6;           // share of the budget in which the batch grows to its size
  double mask_rate = 0.25;           // share of the tokens that are predicted
  bool dropout = false;              // that of arch, in training
  ops::Precision precision = ops::Precision::kFloat32;  // of the products
  bool shuffle = false;                                 // a new order in each epoch instead of the stored one
  bool detect_anomaly = false;         // stop at the operation that makes the first value that is not finite
  std::int64_t log_steps = 10;         // updates between lines of metrics.jsonl
  bool tensorboard = false;            // event files in the run's folder
  std::int64_t eval_steps = 0;         // updates between evaluations; 0: at the end only
  std::int64_t eval_sequences = 1024;  // of the validation split; 0: all
  std::int64_t save_steps = 0;         // updates between checkpoints; 0: by time alone
  double save_minutes = 15;            // between checkpoints; 0: by save_steps alone
  std::int64_t keep_checkpoints = 2;   // the newest, beside the best
  bool stop_on_save_error = true;      // false: warn and train on where a checkpoint cannot be written
  std::vector<Setting> given;          // keys that somebody wrote
};

void describe(PretrainConfig& config, Fields& fields);
// Checks what single keys cannot: exactly one budget, paths given. Throws InputError naming the keys.
void validate(const PretrainConfig& config);
// Free are where the run lies, logging, evaluating, saving and when to stop; train.micro_batch may change for
// a machine with less memory, unless the batch grows by it or a distillation's errors are shares of it.
ResumeRule pretrain_resume_rule(const std::string& key);
ResumeRules pretrain_resume_rules(const PretrainConfig& config);

// Keys that pretraining and fine-tuning share.
void describe_optimizer(OptimizerConfig& optimizer, Fields& fields);
void describe_precision(ops::Precision& precision, Fields& fields);
void describe_tensorboard(bool& tensorboard, Fields& fields);
void describe_schedule(optim::ScheduleKind& schedule, double& warmup, Fields& fields);

}  // namespace espalier::config
