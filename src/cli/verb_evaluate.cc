#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <optional>

#include "cli/inference_options.h"
#include "cli/json_list.h"
#include "cli/verbs.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/data/masked_lm_loader.h"
#include "espalier/io/token_store.h"
#include "espalier/model/loaded_model.h"
#include "espalier/processes/processes.h"
#include "espalier/train/evaluator.h"
#include "model/readable_store.h"
#include "model/sequence_batches.h"
#include "train/task_columns.h"

namespace espalier::cli {
namespace {

struct EvaluateArguments : ModelArguments {
  std::string data;
  std::int64_t sequences = 0;
  std::optional<double> mask_rate;
  bool json = false;
};

// Scores are those of the routing asked for; the hard and the soft loss stand beside them.
train::EvaluationScores scores_of(const train::Evaluation& evaluation, bool soft) {
  train::EvaluationScores scores = train::scores_of(evaluation);
  if (!soft) return scores;
  scores.loss = *evaluation.loss_soft;
  scores.perplexity = std::exp(*evaluation.loss_soft);
  scores.accuracy = evaluation.accuracy_soft;
  return scores;
}

// That of the model's own evaluations, where it was trained here.
double mask_rate_of(const model::LoadedModel& model) {
  const char* const usual = model.arch.family == nn::Family::kCrammed ? "0.25" : "0.15";
  if (model.config_yaml.empty()) {
    log_info(
        fmt::format("{}: the share of positions that it was trained to predict is not known: {} is taken "
                    "(--mask-rate gives another)",
                    model.source.string(), usual));
  }
  return std::strtod(train::trained_with(model, "train.mask_rate", usual).c_str(), nullptr);
}

void print_table(const train::Evaluation& evaluation, const train::EvaluationScores& scores, bool soft,
                 ops::Precision precision, double mask_rate) {
  fmt::print(
      "loss            {:.4f} nats over {} predictions ({:g} % of the positions; perplexity {:.2f}), "
      "{}{}\n",
      scores.loss, scores.tokens, 100 * mask_rate, scores.perplexity,
      evaluation.hard.trees.empty() ? ""
      : soft                        ? "soft routing, "
                                    : "hard routing, ",
      ops::precision_name(precision));
  fmt::print("accuracy        {:.2f} %\n", 100 * scores.accuracy);
  fmt::print("unigram loss    {:.4f}\n", scores.unigram_loss);
  if (scores.hardening_gap) {
    fmt::print("hard and soft   {:.4f} hard, {:.4f} soft at temperature {:g}{}; hardening gap {:.4f}\n",
               *scores.loss_hard, *scores.loss_soft, scores.temperature,
               scores.epsilon ? fmt::format(" and epsilon {:g}", *scores.epsilon) : std::string(),
               *scores.hardening_gap);
  }
  // What `espalier evaluate` prints of a run, its export does too: the export keeps the temperature.
  if (!evaluation.hard.trees.empty()) {
    fmt::print("decisions       entropy in nats, of sigmoids at temperature {:g}\n", evaluation.temperature);
  }
  for (std::size_t layer = 0; layer < evaluation.hard.trees.size(); ++layer) {
    const ops::TreeStatistics& tree = evaluation.hard.trees[layer];
    fmt::print("layer {:<2}  leaves used {:5.1f} %, leaf perplexity {:.1f} of {}, decision entropy by level",
               evaluation.tree_layers[layer], 100 * tree.leaves_used(), tree.mean_leaf_perplexity(),
               tree.size().leaves_per_tree());
    for (int level = 0; level < tree.depth; ++level) fmt::print(" {:.2f}", tree.mean_entropy(level));
    fmt::print("\n");
  }
}

void run_evaluate(const EvaluateArguments& arguments) {
  const std::optional<ops::Precision> asked = chosen_precision(arguments.precision);
  model::LoadedModel model = model::load_model(arguments.model, io::HfInt8::kKeep);
  require_same_model(model, arguments.model);
  const ops::Precision precision = model::fix_precision(model, asked);
  nn::MaskedLm& lm = model.require_lm();
  const bool soft = arguments.routing == "soft";
  const ops::TreeRouting routing = model::inference_routing(model, soft, arguments.temperature);
  const double mask_rate = arguments.mask_rate ? *arguments.mask_rate : mask_rate_of(model);
  const io::TokenStoreReader store = io::open_token_store(arguments.data);
  processes::require_alike(store.fingerprint(), "--data: " + arguments.data);
  model::require_readable(model, store);
  data::MaskedLmLoader loader(store, train::validation_options(mask_rate));
  train::EvaluateOptions options;
  options.sequences = arguments.sequences;
  options.temperature = soft ? static_cast<double>(routing.temperature) : model.routing.temperature;
  options.epsilon = model.routing.epsilon.value_or(0.0);
  options.soft = soft || (model.routing.trained_softly && !model::has_trees_in_bytes(model));
  options.title = "evaluate";
  const train::Evaluation evaluation = train::evaluate(lm, loader, store, options);
  const std::array losses = {static_cast<float>(evaluation.hard.loss),
                             static_cast<float>(evaluation.loss_soft.value_or(0))};
  model::require_finite(losses, model);
  warn_unfinished(model, routing);
  const train::EvaluationScores scores = scores_of(evaluation, soft);
  if (arguments.json) {
    print_json(io::to_json(scores));
  } else {
    print_table(evaluation, scores, soft, precision, mask_rate);
  }
}

}  // namespace

void add_evaluate(Command& app) {
  const auto arguments = std::make_shared<EvaluateArguments>();
  Command* verb = app.add_subcommand("evaluate", "Score a masked language model on held-out text");
  add_model_argument(*verb, arguments->model);
  verb->add_option("--data", arguments->data, "Folder written by prepare, or its tokens.h5")
      ->check(a_path())
      ->required();
  add_routing_options(*verb, *arguments, "hard, or soft: `loss` is then that of the mixture");
  verb->add_option("--sequences", arguments->sequences, "Validation sequences to score; 0: all")
      ->check(zero_or_above())
      ->capture_default_str();
  verb->add_option("--mask-rate", arguments->mask_rate,
                   "Share of the positions that are predicted (default: the training's; where that is not "
                   "known 0.25, of BERT's family 0.15)")
      ->check(within(0.001, 1.0));
  verb->add_flag("--json", arguments->json, "One JSON document");
  verb->shared_callback([arguments] { run_evaluate(*arguments); });
}

}  // namespace espalier::cli
