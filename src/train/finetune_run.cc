#include "train/finetune_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/joined.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/base/log_once.h"
#include "espalier/ops/cross_entropy.h"
#include "espalier/ops/mean_squared_error.h"
#include "espalier/ops/shape.h"
#include "espalier/processes/processes.h"
#include "espalier/train/same_config.h"
#include "train/agreement.h"
#include "train/class_weights.h"
#include "train/not_finite.h"
#include "train/optimizer_tensors.h"

namespace espalier::train {
namespace {

data::LabelledLoaderOptions batch_options(const config::FinetuneConfig& config,
                                          const nn::EncoderOptions& arch, bool training) {
  data::LabelledLoaderOptions options;
  options.batch_size = training ? config.batch_size : std::max<std::int64_t>(config.batch_size, 32);
  options.encoding = model::classifier_encoding(arch);
  // The original's mean is over padding too. Scores are of what the model says of a text by itself, as
  // `classify` computes it, whatever lies beside it in a batch.
  options.padded =
      training && arch.family == nn::Family::kCrammed && config.head.pooler == nn::Pooler::kAverage;
  options.max_length = std::min(config.max_length, arch.embedding.max_positions);
  options.shuffle = training;
  options.bucket_by_length = !training || config.bucket_by_length;
  options.seed = config.seed;
  return options;
}

// Positions bound the length, whatever was asked for.
void warn_of_length(const config::FinetuneConfig& config, const nn::EncoderOptions& arch) {
  if (config.max_length <= arch.embedding.max_positions) return;
  log_warning(fmt::format("train.max_length is {}, but {} reads {} tokens at most: texts are cut to {}",
                          config.max_length, config.model, arch.embedding.max_positions,
                          arch.embedding.max_positions));
}

nn::ClassifierOptions head_options(const config::FinetuneConfig& config, const nn::EncoderOptions& arch,
                                   const FinetuneData& data) {
  nn::ClassifierOptions options = config.head;
  if (options.head_dim == 0) options.head_dim = arch.hidden_size;
  options.labels = data.train.regression ? 1 : data.train.labels.size();
  return options;
}

RunInputs all_inputs(const config::FinetuneConfig& config, const FinetuneData& data,
                     model::LoadedModel& base) {
  RunInputs inputs = inputs_of("model", config.model, base);
  inputs.insert(inputs.end(), data.inputs.begin(), data.inputs.end());
  return inputs;
}

std::string answers(const model::LabelInfo& info) {
  return info.regression ? "a number" : "the classes " + listed(info.labels, 30);
}

// Embedding and lowest layers of the model get no gradients from here on: nothing is recorded of them, and
// the optimizer, which is made of what learns, holds nothing for them. Returns the model.
nn::SequenceClassifier& freeze_lowest(nn::SequenceClassifier& model, std::int64_t layers) {
  const std::int64_t there = model.encoder().options().layers;
  if (layers > there) {
    throw InputError(
        fmt::format("train.frozen_layers: {} is more than the {} layers of the model", layers, there));
  }
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    const std::string prefix = fmt::format("encoder.layers.{}.", layer);
    for (nn::NamedParameter& parameter : model.parameters()) {
      if (parameter.name.starts_with(prefix) || parameter.name.starts_with("encoder.embedding."))
        parameter.value.set_requires_grad(false);
    }
  }
  return model;
}

}  // namespace

FinetuneRun::FinetuneRun(const config::FinetuneConfig& requested, bool report_data, const RunInputs& expected)
    : config(requested),
      base(model::load_model(config.model)),
      data(read_finetune_data(config.task, config.seed, report_data)),
      train(base.require_tokenizer(), data.train, batch_options(config, base.arch, true)),
      directory(config.run),
      model(base.arch, head_options(config, base.arch, data)),
      updater(freeze_lowest(model, config.frozen_layers),
              {.optimizer = config.optimizer, .seed = config.seed, .dropout = config.dropout}),
      class_weights(class_weights_of(config.task, data.train)) {
  model.use_precision(config.precision);
  if (config.precision == ops::Precision::kBf16) require_same_bfloat16("train.precision: bf16");
  state.inputs = all_inputs(config, data, base);
  for (const RunInput& input : state.inputs) {
    processes::require_alike(io::json_text(io::JsonForm<RunInputs>::write({input})),
                             fmt::format("{}: {}", input.key, input.path));
  }
  require_same_inputs(state.inputs, expected, config.run, "Or start it anew in another `run` folder.");
  if (config.routing.mode == config::Routing::kFrozen) updater.freeze(FrozenDecisions(model));
  if (report_data) warn_of_length(config, base.arch);
  for (const EvaluationSet& set : data.evaluation) {
    evaluation.emplace_back(base.require_tokenizer(), set.data, batch_options(config, base.arch, false));
  }
  if (const std::optional<io::Checkpoint> last = directory.load_to_resume(config.resume, "finetune")) {
    resume(*last, config.resume == "auto" ? config.run : config.resume);
  } else {
    begin();
  }
  directory.write_config(config::dump(config), state.step >= end_step());
  if (config.tensorboard) directory.write_events(settings_of(config), config::finetune_resume_rule);
  directory.check_space(checkpoint(), kKeptCheckpoints, end_step() - state.step);
  require_same_weights(model, state.step);
}

std::int64_t FinetuneRun::total_steps() const {
  return std::max<std::int64_t>(1, std::llround(config.epochs * static_cast<double>(steps_per_epoch())));
}

std::int64_t FinetuneRun::end_step() const {
  return config.max_steps > 0 ? std::min(config.max_steps, total_steps()) : total_steps();
}

void FinetuneRun::begin() {
  require_read(config);
  if (!nn::has_trees(base.arch.ffn)) config::require_trees(config.given, nn::describe(base.arch.ffn));
  initialize(model, base.arch.init_std, config.seed);
  model::copy_encoder(base, model.encoder());
  begin_head();
  require_finite(model, config.model);
  if (!base.routing.finished) {
    log_warning_once(fmt::format(
        "{}: its trees had not finished hardening when it was saved; hard routing may lose much{}",
        config.model,
        base.routing.hardening_gap
            ? fmt::format(" ({:.3f} nats at its last evaluation)", *base.routing.hardening_gap)
            : std::string()));
  }
  directory.restore_metrics("");
  log_info(fmt::format(
      "{}: {} training rows{}, {} steps of {}{}", config.run, train.rows(),
      train.truncated() > 0 ? fmt::format(" ({} cut to length)", train.truncated()) : std::string(),
      end_step(), config.batch_size,
      end_step() < total_steps() ? fmt::format(" (train.max_steps; {} in all)", total_steps())
                                 : std::string()));
}

// Of the head what the model has of it; the rest is drawn already.
void FinetuneRun::begin_head() {
  if (model::copy_head(base, label_info(), model)) {
    log_info(fmt::format("{}: its head goes on too, for what it answers is the same", config.model));
    return;
  }
  const bool pooler = model::copy_pooler(base, model);
  if (base.classifier) {
    log_warning_once(fmt::format("{}: its head is replaced by a new one, for {}", config.model,
                                 model::same_answers(base.labels, label_info())
                                     ? std::string("head.* of this training is another")
                                     : fmt::format("it answers with {}, and is to answer with {}",
                                                   answers(base.labels), answers(label_info()))));
  }
  if (base.arch.pooler && !pooler) {
    log_warning_once(fmt::format(
        "{}: its pooler is not used, for the head is another, and an export will want trust_remote_code: "
        "configs/finetune/bert.yaml has BERT's own (head.head_dim: 0, head.pooler: zero_index, "
        "head.activation: tanh)",
        config.model));
  }
}

void FinetuneRun::resume(const io::Checkpoint& checkpoint, const std::string& where) {
  auto saved = io::from_json<FinetuneState>(io::JsonView(checkpoint.state, where + ": state"));
  const std::string way_out = way_out_by("model", where);
  require_same_config(checkpoint.config_yaml, where, settings_of(config),
                      {config::finetune_resume_rule, true, way_out, settings_of(config::FinetuneConfig())});
  require_same_inputs(state.inputs, saved.inputs, where, way_out);
  model::load_weights(model, checkpoint.model, where);
  load_optimizer(updater.optimizer(), checkpoint, where);
  saved.inputs = std::move(state.inputs);
  state = std::move(saved);
  require_steps_left(config.max_steps, state.step, where);
  warn_of_other_program(checkpoint, where, computes_with_bfloat16(config.optimizer.kind, config.precision));
  directory.take_in(config.resume, checkpoint, kKeptCheckpoints);
  const bool any_best = state.best_metric != FinetuneState().best_metric;
  if (any_best && !directory.restore_best(config.resume, "best_metric", state.best_metric))
    state.best_metric = FinetuneState().best_metric;
  updater.optimizer().set_steps(state.step);
  write_trainer_state();
  log_info(fmt::format("{}: continuing at step {} of {}", config.run, state.step, end_step()));
}

Variable FinetuneRun::loss(const data::LabelledBatch& batch, nn::ForwardContext& context, Variable* logits) {
  const Variable output = model.forward(batch.tokens, context);
  if (logits != nullptr) *logits = output;
  const std::int64_t rows = batch.size();
  if (data.train.regression) {
    return ops::mean_squared_error(ops::reshape(output, {rows}), Tensor::from({rows}, batch.values));
  }
  ops::CrossEntropyOptions options;
  if (context.training) options.class_weights = class_weights;
  return ops::cross_entropy(output, IntTensor::from({rows}, batch.classes), options);
}

}  // namespace espalier::train
