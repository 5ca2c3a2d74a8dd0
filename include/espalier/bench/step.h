// A whole model: training steps, forward passes and single sequences, on random tokens.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "espalier/autograd/operation_times.h"
#include "espalier/bench/machine.h"
#include "espalier/config/pretrain_config.h"

namespace espalier::bench {

struct StepOptions {
  std::string name;               // of the configuration, for the row
  config::PretrainConfig config;  // `data` and `run` are not looked at; a vocabulary of 0 becomes 32768
  std::int64_t sequences = 32;
  std::int64_t length = 128;  // tokens of a sequence
  double progress = 0.5;      // used fraction of the budget: where schedules of routing stand
  std::int64_t rounds = 3;
  // Where to leave the model before its first step, for a comparison with another program: `model`, a Hugging
  // Face folder, and batch.safetensors with ids, positions, targets, hidden states and the loss, all with
  // hard routing; empty: nowhere. An existing folder must be empty or hold an earlier export.
  std::string export_folder;
};

struct StepRow {
  std::string name, layer, precision, optimizer;
  std::string routing;  // empty without trees
  int threads = 0;
  std::int64_t sequences = 0, length = 0, parameters = 0;
  bool trained = true;  // not with int8, which has no gradients: all that says something of a step stays 0
  double train_tokens_per_s = 0;    // forward, backward, norm and clipping, optimizer: median of the rounds
  double forward_tokens_per_s = 0;  // hidden states of all positions, no head
  double sequence_ms = 0;           // one sequence, the same
  double spread = 0;                // of the training steps: (slowest - fastest) / median
  double peak_rss_gb = 0;           // of this process, right after training
  // Operations that the model needs / time / speed of the float32 matrix product; and those of a token in a
  // training step. Not where routing leaves paths out by their weight: how many depends on the tokens.
  std::optional<double> mfu, flops_per_token;
  double optimizer_share = 0;  // of a step's time: with the gradient's norm
  double optimizer_ms = 0;
  std::int64_t pool_allocations = 0;  // blocks asked from the system by steps after the first
  double first_loss = 0, last_loss = 0;
  std::vector<OperationTime> operations;  // of one more step, the longest first
  // Of another precision than float32, in the same rounds: float32's time over that of the forward pass and
  // of one sequence, and the difference of the hidden states in Euclidean norms, relative.
  std::optional<double> forward_ratio, sequence_ratio, hidden_difference;
};

struct StepReport {
  Machine machine;
  StepRow row;
};

// Throws InputError if the architecture or the sizes do not fit, RunError if a loss or gradient is not
// finite.
StepReport bench_step(const StepOptions& options);
io::Json step_json(const StepRow& row);

// Operations of the model's products (a multiply-add is two) for a token of a training step, forward three
// times; trees by what their routing evaluates: paths, siblings of straight-through, all of unpruned soft. Of
// the last layer only what predictions read, where nn::narrows_last_layer().
double training_flops_per_token(const nn::EncoderOptions& arch, ops::RoutingMode mode, std::int64_t length,
                                double mask_rate, bool dropout = false);

}  // namespace espalier::bench
