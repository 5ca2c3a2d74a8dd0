#include "train/pretrain_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/io/text_file.h"
#include "espalier/model/loaded_model.h"
#include "espalier/processes/processes.h"
#include "espalier/train/pretrain_metrics.h"
#include "espalier/train/run_inputs.h"
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

// What runs did before there were keys for it.
config::PretrainConfig config_of_older_versions() {
  config::PretrainConfig config;
  config.gradient_groups = 1;
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
      updater(config.distill.layers.empty() ? model : all_but_layers_frozen(model, config.distill.layers),
              {.optimizer = config.optimizer, .seed = config.seed, .dropout = config.dropout}) {
  model.use_precision(config.precision);
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
  // Of a run that is done it stays what the run had.
  const bool done = resumed && finished() && directory.evaluated_at(state.step);
  if (!done || !std::filesystem::exists(directory.config_path()))
    io::write_text_atomically(directory.config_path(), config::dump(config));
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

void PretrainRun::require_space() {
  std::int64_t left = std::numeric_limits<std::int64_t>::max();  // checkpoints to come: one a step at most
  for (const std::int64_t end : {config.budget.steps, config.max_steps})
    if (end > 0) left = std::min(left, std::max(end - state.step, std::int64_t{1}));
  directory.check_space(checkpoint(), config.keep_checkpoints, left, ", or keep fewer of them (save.keep)");
}

void PretrainRun::begin() {
  require_read(config);
  if (!nn::has_trees(config.arch.ffn)) config::require_trees(config.given, nn::describe(config.arch.ffn));
  if (!config.init.empty() && !init) require_loadable(config.init);
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
    const std::string difference =
        model::word_difference(init->tokenizer_json, config.init, store.tokenizer_json(), config.data);
    if (!difference.empty()) {
      throw InputError(fmt::format(
          "init: {}: the weights were trained on other words than those of the data; prepare the text "
          "with tokenizer.path={} and give that as `data`",
          difference, config.init));
    }
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
  if (state.inputs.empty()) warn_of_no_inputs(where, "the weights of init");
  const std::string before = state.inputs.empty() ? config.init : state.inputs.front().path;
  if (!init) {
    // Another path than then is not one that is gone: loading it says what is wrong.
    if (config.init != before) require_loadable(config.init);
    if (config.distill.layers.empty()) {
      log_info(fmt::format("{}: init: {} is not there any more; the run goes on without it", where, before));
    }
    return;
  }
  RunInputs now = inputs_of("init", config.init, *init);
  require_same_inputs(now, state.inputs, where, way_out_by("init", config.run));
  state.inputs = std::move(now);
}

void PretrainRun::resume(const io::Checkpoint& checkpoint, const std::string& where) {
  const std::string data_now = state.data_fingerprint;
  const std::string way_out = way_out_by("init", config.resume == "auto" ? config.run : config.resume);
  state = io::from_json<PretrainState>(io::JsonView(checkpoint.state, where + ": state"));
  hardening_gap = model::routing_of(checkpoint, where).hardening_gap;
  require_steps_left(config.max_steps, state.step, where);
  // The data have been recorded always, `init` not always.
  const bool recorded = config.init.empty() || !state.inputs.empty();
  require_same_config(
      checkpoint.config_yaml, where, config::settings_of(config),
      {pretrain_resume_rules(config), recorded, way_out, settings_of(config_of_older_versions())});
  check_init(where);
  if (state.data_fingerprint != data_now) {
    throw InputError(fmt::format("{}: data: the run was trained on other data than {} holds now. {}", where,
                                 config.data, way_out));
  }
  model::load_weights(model, checkpoint.model, where);
  sentence_files = model::sentence_files_of(checkpoint, where);
  warn_of_other_program(checkpoint, where);
  load_optimizer(updater.optimizer(), checkpoint, where);
  updater.optimizer().set_steps(state.step);
  directory.take_in(config.resume, checkpoint, config.keep_checkpoints);
  // Of a run in another folder the best stays there.
  if (!directory.has_best()) state.best_loss = PretrainState().best_loss;
  saved_best_loss_ = state.best_loss;
  directory.restore_metrics(checkpoint.metrics_jsonl);
  resumed = true;
  write_trainer_state();
  log_info(fmt::format("{}: continuing at step {} ({:.2f} M tokens)", config.run, state.step,
                       static_cast<double>(state.tokens) / 1e6));
}

// A model without trees routes nothing, whatever the routing keys say.
model::RoutingProvenance PretrainRun::provenance() const {
  model::RoutingProvenance routing;
  if (!nn::has_trees(config.arch.ffn)) return routing;
  const RoutingState now = routing_of(config, used_fraction(config, state));
  routing.mode = config::routing_name(config.routing.mode);
  routing.temperature = static_cast<double>(now.trees.temperature);
  if (now.trees.epsilon > 0) routing.epsilon = static_cast<double>(now.trees.epsilon);
  if (now.trees.ste_epsilon > 0) routing.ste_epsilon = static_cast<double>(now.trees.ste_epsilon);
  routing.trained_softly = trained_softly(config.routing);
  routing.finished = config.routing.mode != config::Routing::kAnneal || !now.soft;
  routing.hardening_gap = hardening_gap;
  return routing;
}

io::Checkpoint PretrainRun::checkpoint() {
  io::Checkpoint checkpoint = model::model_checkpoint(model, provenance(), store.tokenizer_json());
  model::keep_sentence_files(checkpoint, sentence_files);
  checkpoint.optimizer = optimizer_tensors(updater.optimizer());
  checkpoint.state = io::to_json(state);
  checkpoint.config_yaml = config::dump(config);
  checkpoint.metrics_jsonl = directory.metrics();
  return checkpoint;
}

// What failed of saving a step, or, where its checkpoint is `saved`, beside that. Where training ends with it
// (`last`) that stops the run.
static void tell_failure(const PretrainRun& run, const Error& error, bool saved, bool last) {
  const bool any = run.directory.has_checkpoint();
  const std::string there = saved ? "the checkpoint is there"
                            : any ? "the checkpoint before stays"
                                  : "there is no checkpoint yet";
  if (run.config.stop_on_save_error || last) {
    throw RunError(fmt::format("{}; stopped at step {}, {}, and {}", error.what(), run.state.step, there,
                               any ? RunDirectory::how_to_continue(run.config.resume) + " from there"
                                   : "the same command begins anew"));
  }
  log_warning(fmt::format("{}; going on, {}", error.what(), there));
}

void PretrainRun::save(bool last) {
  require_same_weights(model, state.step);
  const bool best = best_step == state.step;
  if (best) state.best_loss = best_step_loss;  // again, where saving it has failed before
  int saved = 0;
  try {
    directory.save(checkpoint(), state.step, best, config.keep_checkpoints);
    saved = 1;
  } catch (const Error& error) {
    tell_failure(*this, error, false, last);
  }
  // Process 0 alone met the failure. best.h5 is as it was, and what is better than that is the best.
  if (processes::of_first(saved) == 0) state.best_loss = saved_best_loss_;
  saved_best_loss_ = state.best_loss;
  if (saved == 0) return;
  try {
    write_trainer_state();
  } catch (const Error& error) {
    tell_failure(*this, error, true, last);
  }
}

void PretrainRun::write_trainer_state() const {
  directory.write_trainer_state(
      state.step, epoch(), config.max_steps > 0 ? config.max_steps : config.budget.steps,
      std::isfinite(state.best_loss) ? std::optional(state.best_loss) : std::nullopt);
}

bool PretrainRun::finished() const {
  return used_fraction(config, state) >= 1.0 || (config.max_steps > 0 && state.step >= config.max_steps);
}

double PretrainRun::epoch() const {
  return static_cast<double>(state.sequences) / static_cast<double>(train.sequences());
}

static void warn_of_collapse(const std::vector<TreeScores>& layers) {
  for (const TreeScores& trees : layers) {
    if (trees.largest_leaf_share > kCollapsedShare && !trees.entropy.empty()) {
      log_warning(fmt::format("layer {}: one leaf takes {:.0f} % of the tokens; the tree has collapsed",
                              *trees.layer, 100 * trees.largest_leaf_share));
    }
  }
}

// `loss` of hard routing on held-out data; notes whether it is the best so far. RunError if it is not finite:
// what is saved must be worth continuing.
static void note_loss(PretrainRun& run, double loss) {
  if (!std::isfinite(loss)) {
    throw RunError(
        fmt::format("step {}: the held-out loss is not finite; this step was not saved. {} Lower train.lr.",
                    run.state.step, run.directory.last_checkpoint()));
  }
  if (!(loss < run.state.best_loss)) return;
  run.state.best_loss = run.best_step_loss = loss;
  run.best_step = run.state.step;
}

static void add_visits(const PretrainRun& run, const ops::LayerStatistics& trees,
                       std::vector<TreeScores>& routing) {
  if (!run.config.tensorboard) return;
  for (std::size_t layer = 0; layer < routing.size(); ++layer)
    routing[layer].visits = visits_of(trees[layer]);
}

static void evaluate_distillation(PretrainRun& run, double temperature) {
  ops::LayerStatistics trees;
  DistillScores scores =
      run.distiller->evaluate(run.model, run.validation, run.config.eval_sequences, temperature, trees);
  scores.routing = scores_of(trees, nn::tree_layers(run.config.arch));
  add_visits(run, trees, scores.routing);
  note_loss(run, scores.kl_divergence.value_or(scores.hidden_error));
  run.directory.log(io::to_json(DistillEvaluation{run.state.step, run.state.tokens, scores}));
  log_info(
      fmt::format("step {}: relative error of layers {:.3f}, of the last hidden states {:.3f}{}",
                  run.state.step, fmt::join(scores.layer_errors, " "), scores.hidden_error,
                  scores.kl_divergence ? fmt::format(", KL divergence {:.4f}", *scores.kl_divergence) : ""));
  warn_of_collapse(scores.routing);
  run.last_distillation = std::move(scores);
}

void evaluate_and_log(PretrainRun& run) {
  const RoutingState routing = routing_of(run.config, used_fraction(run.config, run.state));
  if (run.distiller) return evaluate_distillation(run, static_cast<double>(routing.trees.temperature));
  EvaluateOptions options;
  options.sequences = run.config.eval_sequences;
  options.temperature = static_cast<double>(routing.trees.temperature);
  options.epsilon = static_cast<double>(routing.trees.epsilon);
  options.soft = trained_softly(run.config.routing);
  if (run.config.routing.mode == config::Routing::kAnneal) {
    options.temperature0 = run.config.routing.anneal_temperature0;
  }
  run.last_evaluation = evaluate(run.model, run.validation, run.store, options);
  const Evaluation& evaluation = run.last_evaluation;
  run.hardening_gap = evaluation.hardening_gap();
  if (evaluation.loss_soft)
    run.state.lowest_soft_loss = std::min(run.state.lowest_soft_loss, *evaluation.loss_soft);
  note_loss(run, evaluation.hard.loss);
  PretrainEvaluation line{run.state.step, run.state.tokens, scores_of(evaluation), {}};
  add_visits(run, evaluation.hard.trees, line.scores.routing);
  if (evaluation.loss_soft) line.lowest_soft_loss = run.state.lowest_soft_loss;
  run.directory.log(io::to_json(line));
  log_info(fmt::format("step {}: held-out loss {:.4f}{}, accuracy {:.1f} %, unigram {:.4f}", run.state.step,
                       evaluation.hard.loss,
                       evaluation.loss_soft ? fmt::format(" hard, {:.4f} soft", *evaluation.loss_soft) : "",
                       100 * evaluation.hard.accuracy, evaluation.unigram_loss));
  warn_of_collapse(line.scores.routing);
  const double guess = std::log(static_cast<double>(run.config.arch.embedding.vocab_size));
  if (evaluation.hard.loss > guess + 1) {
    log_warning(fmt::format(
        "step {}: held-out loss {:.2f} is more than guessing any word alike would have ({:.2f}): the "
        "training has diverged; lower train.lr",
        run.state.step, evaluation.hard.loss, guess));
  }
}

}  // namespace espalier::train
