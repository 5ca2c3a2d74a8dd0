// What `espalier pretrain` reads. Defaults are the crammed recipe (arXiv 2212.14034) as UltraFastBERT used
// it.
#pragma once

#include "espalier/config/arch_config.h"
#include "espalier/config/fields.h"
#include "espalier/config/resume_rule.h"
#include "espalier/config/routing_config.h"
#include "espalier/optim/schedule.h"

namespace espalier::config {

struct OptimizerConfig {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.98;
  double eps = 1e-12;
  double weight_decay = 0.01;
  double clip = 0.5;  // global L2 norm; 0: no clipping
};

struct BudgetConfig {
  std::int64_t tokens = 0;
  std::int64_t steps = 0;
  double minutes = 0;
};

struct PretrainConfig {
  std::string data;
  std::string run;
  std::string resume = "auto";
  std::string init;
  std::uint64_t seed = 1;
  nn::CrammedBertOptions arch;
  RoutingConfig routing;
  BudgetConfig budget;
  std::int64_t max_steps = 0;
  OptimizerConfig optimizer;
  optim::ScheduleKind schedule = optim::ScheduleKind::kCrammed;
  double warmup = 0.0;
  std::int64_t batch_size = 8192;
  std::int64_t micro_batch = 128;
  double batch_ramp = 0.6;
  double mask_rate = 0.25;
  bool dropout = false;
  bool shuffle = false;
  bool detect_anomaly = false;
  std::int64_t log_steps = 10;
  std::int64_t eval_steps = 0;
  std::int64_t eval_sequences = 1024;
  std::int64_t save_steps = 0;
  double save_minutes = 15;
  std::int64_t keep_checkpoints = 2;
  bool stop_on_save_error = true;
};

void describe(PretrainConfig& config, Fields& fields);
// Checks what single keys cannot: exactly one budget, paths given. Throws InputError naming the keys.
void validate(const PretrainConfig& config);
// Free are where the run lies, logging, evaluating, saving and when to stop; train.micro_batch may change for
// a machine with less memory.
ResumeRule pretrain_resume_rule(const std::string& key);

// Keys that pretraining and fine-tuning share.
void describe_optimizer(OptimizerConfig& optimizer, Fields& fields);
void describe_schedule(optim::ScheduleKind& schedule, double& warmup, Fields& fields);

}  // namespace espalier::config
