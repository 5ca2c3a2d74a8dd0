// What `espalier finetune` reads. Defaults are the fine-tuning recipe of UltraFastBERT (arXiv 2311.10770):
// one set of hyperparameters for all tasks.
#pragma once

#include "espalier/config/fields.h"
#include "espalier/config/pretrain_config.h"
#include "espalier/config/resume_rule.h"
#include "espalier/config/routing_config.h"
#include "espalier/nn/classifier.h"

namespace espalier::config {

struct TaskConfig {
  std::string name = "custom";
  std::string dir;
  std::string train;
  std::string dev;
  double dev_fraction = 0;  // of `train`, where there is no `dev`
  std::string text = "sentence";
  std::string text_pair;
  std::string label = "label";
  bool regression = false;
  std::string format = "auto";
  std::string separator = "auto";
  bool header = true;
  bool skip_bad_records = false;
  std::int64_t max_train = 0;
  std::vector<std::string> class_weights;  // empty; {"balanced"}; or "CLASS=WEIGHT" each
};

struct FinetuneConfig {
  std::string model;
  std::string run;
  std::string resume = "auto";
  std::uint64_t seed = 1;
  TaskConfig task;
  nn::ClassifierOptions head;
  RoutingConfig routing;
  OptimizerConfig optimizer{.lr = 4e-5, .eps = 1e-6, .weight_decay = 0.0, .clip = 0.0};
  optim::ScheduleKind schedule = optim::ScheduleKind::kCosine;
  double warmup = 0.1;
  double epochs = 5;
  std::int64_t max_steps = 0;
  std::int64_t batch_size = 16;
  std::int64_t gradient_groups = 0;  // parts of an update that processes share; 0: one
  std::int64_t max_length = 128;
  bool bucket_by_length = true;
  bool dropout = true;
  ops::Precision precision = ops::Precision::kFloat32;  // of the products
  std::int64_t frozen_layers = 0;  // lowest layers that do not learn, nor the embedding then
  bool detect_anomaly = false;
  std::int64_t bootstrap = 1000;
  std::int64_t log_steps = 50;
  bool log_lines = false;
  bool tensorboard = false;
  std::vector<Setting> given;  // keys that somebody wrote
};

// The keys that say how to train and score, whatever the model, the task and the seed: head.*, routing.*,
// train.*, eval.*, log.* and task.max_train.
void describe_recipe(FinetuneConfig& config, Fields& fields);
// Checks what single keys of the recipe cannot. Throws InputError naming the keys.
void validate_recipe(const FinetuneConfig& config);

void describe(FinetuneConfig& config, Fields& fields);
// Checks what single keys cannot. Throws InputError naming the keys.
void validate(const FinetuneConfig& config);
// Of a GLUE task: InputError for a key that says where one's own labels are and how they are read. The task's
// files have a layout of their own, so it would be ignored.
void refuse_custom_keys(const FinetuneConfig& config);
// Free are where the run lies, logging, intervals of scores and when to stop.
ResumeRule finetune_resume_rule(const std::string& key);

}  // namespace espalier::config
