#include "train/pretrain_run.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/processes/processes.h"
#include "espalier/train/run_inputs.h"
#include "espalier/train/same_config.h"
#include "model/checkpoint_metadata.h"
#include "model/word_difference.h"
#include "train/agreement.h"
#include "train/initial_model.h"
#include "train/not_finite.h"
#include "train/optimizer_tensors.h"
#include "train/pretrain_update.h"

namespace espalier::train {
namespace {

// A vocabulary size that is still 0 means that of the data; another one must be large enough.
config::PretrainConfig resolved(config::PretrainConfig config, const io::TokenStoreReader& store,
                                const std::optional<io::Checkpoint>& init) {
  config.arch = architecture_from(config, init);
  const std::int64_t words = store.vocabulary_size();
  std::int64_t& size = config.arch.embedding.vocab_size;
  if (size == 0) size = words;
  if (size < words) {
    const std::string way_out =
        config.init.empty()
            ? "; use 0 to take it from there"
            : fmt::format(
                  ": the weights of {0} go with its tokenizer; prepare the text with that (`espalier "
                  "prepare ... tokenizer.path={0}`) and give it as `data`",
                  config.init);
    throw InputError(fmt::format("arch.embedding.vocab_size is {}, but the tokenizer of {} has {} words{}",
                                 size, config.data, words, way_out));
  }
  if (store.sequence_length() > config.arch.embedding.max_positions) {
    throw InputError(fmt::format("arch.embedding.max_positions is {}, but {} holds sequences of {} tokens",
                                 config.arch.embedding.max_positions, config.data, store.sequence_length()));
  }
  require_gradient_groups(config, store.sequence_length());
  return config;
}

data::MaskedLmOptions train_options(const config::PretrainConfig& config) {
  data::MaskedLmOptions options;
  options.split = io::Split::kTrain;
  options.seed = config.seed;
  options.mask_rate = config.mask_rate;
  options.shuffle = config.shuffle;
  return options;
}

// Throws what is wrong with a model that could not be loaded.
void require_loadable(const std::string& model) {
  static_cast<void>(model::load_model_checkpoint(model));
}

}  // namespace

PretrainRun::PretrainRun(const config::PretrainConfig& requested)
    : store(io::open_token_store(requested.data)),
      init(load_initial_model(requested)),
      config(resolved(requested, store, init)),
      train(store, train_options(config)),
      validation(store, validation_options(config.mask_rate)),
      directory(config.run),
      distiller(config.distill.layers.empty() || !init ? nullptr
                                                       : std::make_unique<Distiller>(config, *init)),
      model(config.arch),
      updater(config.distill.layers.empty() ? model : freeze_all_but(model, config.distill.layers),
              {.optimizer = config.optimizer, .seed = config.seed, .dropout = config.dropout}) {
  model.use_precision(config.precision);
  if (config.precision == ops::Precision::kBf16) require_same_bfloat16("train.precision: bf16");
  state.data_fingerprint = store.fingerprint();
  processes::require_alike(state.data_fingerprint, "data: " + config.data);
  const std::string warning = epsilon_warning(config.routing, config.arch.ffn.depth);
  if (!warning.empty() && nn::has_trees(config.arch.ffn)) log_warning(warning);
  if (const std::optional<io::Checkpoint> last = directory.load_to_resume(config.resume, "pretrain")) {
    resume(*last, config.resume == "auto" ? config.run : config.resume);
  } else {
    begin();
  }
  init.reset();
  directory.write_config(config::dump(config), resumed && finished() && directory.evaluated_at(state.step));
  if (config.tensorboard) directory.write_events(settings_of(config), config::pretrain_resume_rule);
  require_same_weights(model, state.step);
}

void PretrainRun::require_teacher() const {
  if (config.distill.layers.empty() || distiller) return;
  try {
    require_loadable(config.init);
  } catch (const InputError& error) {
    throw InputError(fmt::format(
        "init: {}; it is the teacher, whose answers distill.layers needs until the end: put it back",
        error.what()));
  }
}

void PretrainRun::begin() {
  require_read(config);
  if (!nn::has_trees(config.arch.ffn)) config::require_trees(config.given, nn::describe(config.arch.ffn));
  if (!config.init.empty() && !init) require_loadable(config.init);
  if (init) {
    const std::string difference =
        model::word_difference(init->tokenizer_json, config.init, store.tokenizer_json(), config.data);
    if (!difference.empty()) {
      throw InputError(fmt::format(
          "init: {}: the weights were trained on other words than those of the data; prepare the text "
          "with tokenizer.path={} and give that as `data`",
          difference, config.init));
    }
  }
  initialize(model, config.arch.init_std, config.seed);
  if (init) {
    if (distiller) {
      distiller->start(model, train);
    } else {
      take_initial_weights(*init, config, model);
      require_finite(model, config.init);
    }
    state.inputs = inputs_of("init", config.init, *init);
    sentence_files = model::sentence_files_of(*init, config.init);
    log_info(fmt::format("{}: starting from the weights of {}", config.run, config.init));
  }
  directory.restore_metrics("");
  if (config.batch_size > train.sequences()) {
    log_warning(
        fmt::format("train.batch_size: an update reads {} sequences, all {} of the data and some again",
                    config.batch_size, train.sequences()));
  }
  log_info(fmt::format(
      "{}: {} layers, d {}, {}, {:.2f} M parameters; {} training and {} validation sequences of {}",
      config.run, config.arch.layers, config.arch.hidden_size, nn::describe(config.arch.ffn),
      static_cast<double>(model.parameter_count()) / 1e6, train.sequences(), validation.sequences(),
      train.sequence_length()));
}

// The weights are in the run's own checkpoints: what they came from may have been removed since.
void PretrainRun::check_init(const std::string& where) {
  if (config.init.empty()) return;
  if (!init) {
    // Another path than then is not one that is gone: loading it says what is wrong.
    const RunInput* before = find_input(state.inputs, "init");
    if (before == nullptr || before->path != config.init) require_loadable(config.init);
    if (config.distill.layers.empty()) {
      log_info(
          fmt::format("{}: init: {} is not there any more; the run goes on without it", where, config.init));
    }
    return;
  }
  RunInputs now = inputs_of("init", config.init, *init);
  require_same_inputs(now, state.inputs, where, way_out_by("init", where));
  state.inputs = std::move(now);
}

void PretrainRun::resume(const io::Checkpoint& checkpoint, const std::string& where) {
  const std::string data_now = state.data_fingerprint;
  const std::string way_out = way_out_by("init", where);
  state = io::from_json<PretrainState>(io::JsonView(checkpoint.state, where + ": state"));
  hardening_gap = model::routing_of(checkpoint, where).hardening_gap;
  require_steps_left(config.max_steps, state.step, where);
  require_same_config(checkpoint.config_yaml, where, settings_of(config),
                      {pretrain_resume_rules(config), true, way_out, settings_of(config::PretrainConfig())});
  check_init(where);
  if (state.data_fingerprint != data_now) {
    throw InputError(fmt::format("{}: data: the run was trained on other data than {} holds now. {}", where,
                                 config.data, way_out));
  }
  model::load_weights(model, checkpoint.model, where);
  sentence_files = model::sentence_files_of(checkpoint, where);
  warn_of_other_program(checkpoint, where, computes_with_bfloat16(config.optimizer.kind, config.precision));
  load_optimizer(updater.optimizer(), checkpoint, where);
  updater.optimizer().set_steps(state.step);
  directory.take_in(config.resume, checkpoint, config.keep_checkpoints);
  const bool any_best = state.best_loss != PretrainState().best_loss;
  if (any_best && !directory.restore_best(config.resume, "best_loss", state.best_loss))
    state.best_loss = PretrainState().best_loss;
  saved_best_loss_ = state.best_loss;
  resumed = true;
  write_trainer_state();
  log_info(fmt::format("{}: continuing at step {} ({:.2f} M tokens)", config.run, state.step,
                       static_cast<double>(state.tokens) / 1e6));
}

bool PretrainRun::finished() const {
  return used_fraction(config, state) >= 1.0 || (config.max_steps > 0 && state.step >= config.max_steps);
}

double PretrainRun::epoch() const {
  return static_cast<double>(state.sequences) / static_cast<double>(train.sequences());
}

}  // namespace espalier::train
