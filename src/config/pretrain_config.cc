#include "espalier/config/pretrain_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "espalier/base/error.h"

namespace espalier::config {

using optim::ScheduleKind;

void describe_optimizer(OptimizerConfig& optimizer, Fields& fields) {
  fields.choice(
      "train.optimizer", optimizer.kind,
      {{"adamw", optim::OptimizerKind::kAdamW}, {"muon", optim::OptimizerKind::kMuon}},
      "adamw; or muon for the weights of attention, dense layers and heads but the last, each matrix "
      "by its orthogonalized momentum, with AdamW for all others: embeddings, trees, biases, norms. Its own "
      "products are of bfloat16 on a CPU with instructions for it, whatever train.precision.");
  fields.add("train.lr", optimizer.lr,
             "Peak learning rate, of both where there is muon, whose updates have the size of AdamW's.",
             at_least(0));
  fields.add("train.beta1", optimizer.beta1, "Decay of AdamW's first moment.", fraction_below_one());
  fields.add("train.beta2", optimizer.beta2, "Decay of AdamW's second moment.", fraction_below_one());
  fields.add("train.eps", optimizer.eps, "Added to the root of AdamW's second moment.", above(0));
  fields.add("train.momentum", optimizer.momentum, "Decay of Muon's momentum (Nesterov's).",
             fraction_below_one());
  fields.goes_with("train.momentum", "train.optimizer", {"muon"});
  fields.add("train.weight_decay", optimizer.weight_decay,
             "Decoupled weight decay of every parameter whose name holds neither `bias` nor `norm`.",
             at_least(0));
  fields.add("train.clip", optimizer.clip, "Largest global L2 norm of the gradient; 0 does not clip.",
             at_least(0));
}

void describe_schedule(ScheduleKind& schedule, double& warmup, Fields& fields) {
  fields.choice(
      "train.schedule", schedule,
      {{"crammed", ScheduleKind::kCrammed},
       {"constant", ScheduleKind::kConstant},
       {"linear", ScheduleKind::kLinear},
       {"cosine", ScheduleKind::kCosine}},
      "Learning rate over the used fraction t of the run: crammed is min(0.25 + t, 4 (1 - t)); linear and "
      "cosine fall to 0.");
  fields.add("train.warmup", warmup,
             "Fraction of the run over which constant, linear and cosine rise from 0.", fraction());
  fields.goes_with("train.warmup", "train.schedule", {"constant", "linear", "cosine"});
}

void describe_precision(ops::Precision& precision, Fields& fields) {
  fields.choice("train.precision", precision,
                {{"float32", ops::Precision::kFloat32}, {"bf16", ops::Precision::kBf16}},
                "Factors of matrix products, which are summed in float32; weights, norms, softmax, loss and "
                "moments stay float32. bf16 needs AVX512_BF16 or AMX_BF16.");
  fields.explain("int8",
                 "nothing is trained in int8; --precision int8 uses a trained model so (evaluate, fill-mask, "
                 "classify, embed, trees) or measures one (bench step), and export --dtype int8 writes one");
}

void describe_tensorboard(bool& tensorboard, Fields& fields) {
  fields.add(
      "log.tensorboard", tensorboard,
      "Also write what metrics.jsonl says as event files of TensorBoard, into the folder tensorboard of "
      "the run: scalars, hyperparameters, histograms of visits of leaves.");
}

static void describe_distillation(DistillConfig& distill, Fields& fields) {
  fields.add(
      "distill.layers", distill.layers,
      "Layers of `init`, counted from 0, that get new feedforward layers as arch.ffn says, which alone are "
      "trained, to give what the dense ones give; the other keys of arch are those of `init`. None: ordinary "
      "pretraining.",
      at_least(0));
  fields.add(
      "distill.layerwise_until", distill.layerwise_until,
      "Used fraction of the budget until which each new layer is trained by itself on what the teacher's "
      "reads and gives (relative squared error); then all at once on the teacher's predictions (KL "
      "divergence), or on its last hidden states where it only encodes.",
      fraction());
  fields.choice("distill.relative_to", distill.relative_to,
                {{"layer", RelativeTo::kLayer}, {"token", RelativeTo::kToken}},
                "Squared errors are shares of the |y|^2 of all tokens together that go through the layer at "
                "once (train.micro_batch), most of which BERT's special tokens have, or of each token its "
                "own; in training, and in the start but for that of trees.");
  fields.add(
      "distill.start_tokens", distill.start_tokens,
      "Tokens to which the new layers are fitted before training: dense ones begin as the teacher's neurons "
      "that contribute most, and so do trees of depth 0; a linear path as the best map of its rank, deeper "
      "trees of neurons are grown. Gated units and leaf trees begin at random; 0: all do.",
      at_least(0));
  fields.goes_with("distill.", "distill.layers");
}

static void describe_training(PretrainConfig& config, Fields& fields) {
  fields.add(
      "train.budget.tokens", config.budget.tokens,
      "Train for this many input tokens; 0: not by tokens. Of the three budgets one is given; one on the "
      "command line replaces the file's.",
      at_least(0));
  fields.add("train.budget.steps", config.budget.steps, "Train for this many updates; 0: not by steps.",
             at_least(0));
  fields.add("train.budget.minutes", config.budget.minutes,
             "Train for this much wall time (not reproducible bit for bit); 0: not by time.", at_least(0));
  fields.one_of({"train.budget.tokens", "train.budget.steps", "train.budget.minutes"});
  fields.add("train.max_steps", config.max_steps,
             "Stop after this many updates, whatever the budget; 0: no limit.", at_least(0));
  describe_optimizer(config.optimizer, fields);
  describe_schedule(config.schedule, config.warmup, fields);
  fields.add("train.batch_size", config.batch_size, "Sequences of an update, at the end of the ramp.",
             at_least(1));
  fields.add(
      "train.micro_batch", config.micro_batch,
      "Sequences that go through the model at once, 4096 tokens at most; an update sums what it needs. "
      "Settings that are multiples of 4096 tokens give the same bits, where the batch does not grow in these "
      "steps (train.batch_ramp); without that growth, and without distill.layers, it may change when a run "
      "is continued.",
      at_least(1));
  fields.add("train.gradient_groups", config.gradient_groups,
             "Parts of an update whose gradients are summed one by one and then in a fixed tree: as many "
             "processes as there "
             "are parts can share an update, with the same bits as one. 0: 8 where each then holds a whole "
             "micro-batch, else "
             "fewer, by powers of two. One process keeps log2 of them gradients beside its own.",
             at_least(0));
  fields.add(
      "train.batch_ramp", config.batch_ramp,
      "Used fraction of the budget at which the batch reaches batch_size, growing linearly in micro-batches; "
      "0: at once.",
      fraction());
  fields.add("train.mask_rate", config.mask_rate, "Share of each sequence's positions that are predicted.",
             {.low = 0, .high = 1, .low_excluded = true});
  fields.add("train.dropout", config.dropout,
             "Use the architecture's dropout in training (the recipe does not).");
  describe_precision(config.precision, fields);
  fields.add("train.shuffle", config.shuffle,
             "Visit sequences in a new random order each epoch instead of the stored order.");
  fields.add("train.detect_anomaly", config.detect_anomaly,
             "Check every operation's result and name the first that is not finite (slow).");
}

void describe(PretrainConfig& config, Fields& fields) {
  fields.add("data", config.data, "Folder written by `espalier prepare`.");
  fields.add("run", config.run, "Folder of the run: config, metrics, checkpoints.");
  fields.add(
      "resume", config.resume,
      "auto: continue the run folder where it stopped, if what it read holds the same as then, by whatever "
      "path; never: refuse a run folder that holds a run; or a checkpoint file to continue from.");
  fields.add("init", config.init,
             "MODEL whose weights to start from, with a fresh optimizer. Keys of arch that are left at the "
             "defaults of their family take its values, but for those of the command line.");
  fields.add("seed", config.seed, "Key of every random draw.");
  describe_arch(config.arch, fields);
  describe_distillation(config.distill, fields);
  describe_routing(config.routing, RoutingUse::kPretraining, fields);
  describe_training(config, fields);
  fields.add("log.steps", config.log_steps, "Updates between lines of metrics.jsonl.", at_least(1));
  describe_tensorboard(config.tensorboard, fields);
  fields.add("eval.steps", config.eval_steps, "Updates between evaluations; 0: only at the end.",
             at_least(0));
  fields.add("eval.sequences", config.eval_sequences, "Validation sequences of an evaluation; 0: all.",
             at_least(0));
  fields.add("save.steps", config.save_steps, "Updates between checkpoints; 0: by time alone.", at_least(0));
  fields.add("save.minutes", config.save_minutes, "Minutes between checkpoints; 0: by steps alone.",
             at_least(0));
  fields.add("save.keep", config.keep_checkpoints, "Newest checkpoints kept, beside the best.",
             between(1, 1e6));
  fields.add(
      "save.stop_on_error", config.stop_on_save_error,
      "Stop when a checkpoint cannot be written; false: warn and go on, the previous one stays. The last "
      "checkpoint of a run always stops it, with status 1.");
  fields.remember("", config.given);
}

static void validate_budget(const BudgetConfig& budget) {
  std::vector<std::string> given;
  if (budget.tokens > 0) given.push_back(fmt::format("tokens ({})", budget.tokens));
  if (budget.steps > 0) given.push_back(fmt::format("steps ({})", budget.steps));
  if (budget.minutes > 0) given.push_back(fmt::format("minutes ({})", budget.minutes));
  if (given.size() == 1) return;
  throw InputError(
      fmt::format("train.budget: give exactly one of tokens, steps or minutes, got {}",
                  given.empty() ? "0" : fmt::format("{}; set the others to 0", fmt::join(given, " and "))));
}

void validate(const PretrainConfig& config) {
  nn::EncoderOptions arch = config.arch;
  if (arch.embedding.vocab_size == 0) arch.embedding.vocab_size = arch.embedding.pad_id + 1;
  nn::validate(arch);
  validate(config.routing);
  validate_budget(config.budget);
  ops::require_fast(config.precision, "train.precision");
  if (!config.arch.masked_lm_head) {
    throw InputError("arch.masked_lm_head: false: pretraining trains that head; leave the key out");
  }
  if (!config.distill.layers.empty() && config.init.empty()) {
    throw InputError(fmt::format("distill.layers: [{}]: whose layers? Give `init`, the MODEL to reproduce",
                                 fmt::join(config.distill.layers, ", ")));
  }
  const bool trees_alone = nn::has_trees(config.arch.ffn) && config.arch.ffn.linear_rank == 0;
  if (!config.distill.layers.empty() && trees_alone && config.optimizer.kind == optim::OptimizerKind::kMuon) {
    throw InputError(
        "train.optimizer: muon: distill.layers trains trees alone, none of whose weights it updates; use "
        "adamw, or give the new layers a linear path (arch.ffn.linear_rank)");
  }
  if (config.arch.pooler && config.init.empty()) {
    throw InputError("arch.pooler keeps a pooler that a model of `init` has; without init there is none");
  }
  if (config.data.empty()) throw InputError("`data` is missing: the folder written by `espalier prepare`");
  if (config.run.empty()) throw InputError("`run` is missing: the folder to write the run to");
  if (config.micro_batch > config.batch_size) {
    throw InputError(fmt::format(
        "train.micro_batch ({}) must not exceed train.batch_size ({}): give train.micro_batch={} too",
        config.micro_batch, config.batch_size, config.batch_size));
  }
  if (config.batch_size % config.micro_batch != 0) {
    throw InputError(fmt::format("train.batch_size ({}) must be a multiple of train.micro_batch ({})",
                                 config.batch_size, config.micro_batch));
  }
}

ResumeRule pretrain_resume_rule(const std::string& key) {
  constexpr std::array<std::string_view, 5> free = {"run", "resume", "train.max_steps",
                                                    "train.detect_anomaly", "eval.steps"};
  if (std::find(free.begin(), free.end(), key) != free.end()) return ResumeRule::kFree;
  if (key.starts_with("log.") || key.starts_with("save.")) return ResumeRule::kFree;
  if (key == "data" || key == "init") return ResumeRule::kInput;
  return key == "train.micro_batch" || key == "train.gradient_groups" ? ResumeRule::kRounding
                                                                      : ResumeRule::kSame;
}

ResumeRules pretrain_resume_rules(const PretrainConfig& config) {
  // The batch grows by micro-batches: another size is another sequence of batches.
  const auto growing = [](const std::string& key) {
    return key == "train.micro_batch" ? ResumeRule::kSame : pretrain_resume_rule(key);
  };
  // Errors are shares of what one pass holds: other passes, another objective.
  const auto distilling = [](const std::string& key) {
    const ResumeRule rule = pretrain_resume_rule(key);
    return rule == ResumeRule::kRounding ? ResumeRule::kSame : rule;
  };
  if (!config.distill.layers.empty() && config.distill.relative_to == RelativeTo::kLayer) return distilling;
  return config.batch_ramp > 0 ? ResumeRules(growing) : ResumeRules(pretrain_resume_rule);
}

}  // namespace espalier::config
