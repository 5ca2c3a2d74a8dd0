#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <optional>

#include "cli/verbs.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/data/masked_lm_loader.h"
#include "espalier/io/token_store.h"
#include "espalier/train/evaluator.h"
#include "espalier/train/model.h"

namespace espalier::cli {
namespace {

struct Arguments {
  std::string model;
  std::string data;
  std::string routing = "hard";
  std::optional<double> temperature;
  std::int64_t sequences = 0;
  double mask_rate = 0.25;
  bool json = false;
};

void require_same_words(const train::LoadedModel& model, const io::TokenStoreReader& store,
                        const std::string& data) {
  const std::int64_t words = model.arch.embedding.vocab_size;
  if (store.vocabulary_size() > words) {
    throw InputError(
        fmt::format("{}: its tokenizer has {} words, the model {} has {}; prepare the text with the model's "
                    "own (tokenizer.path=...)",
                    data, store.vocabulary_size(), model.source.string(), words));
  }
}

void print_table(const train::Evaluation& evaluation, const io::Json& json) {
  fmt::print("loss            {:.4f} nats over {} predictions (perplexity {:.2f})\n", evaluation.hard.loss,
             evaluation.hard.predictions, json.at("perplexity").get<double>());
  fmt::print("accuracy        {:.2f} %\n", 100 * evaluation.hard.accuracy);
  fmt::print("unigram loss    {:.4f}\n", evaluation.unigram_loss);
  if (evaluation.loss_soft) {
    fmt::print("soft loss       {:.4f} at temperature {}; hardening gap {:.4f}\n", *evaluation.loss_soft,
               evaluation.temperature, evaluation.hard.loss - *evaluation.loss_soft);
  }
  for (std::size_t layer = 0; layer < evaluation.hard.trees.size(); ++layer) {
    const ops::TreeStatistics& tree = evaluation.hard.trees[layer];
    fmt::print("layer {:<2}  leaves used {:5.1f} %, leaf perplexity {:.1f} of {}, decision entropy by level",
               layer, 100 * tree.leaves_used(), tree.mean_leaf_perplexity(), std::int64_t{1} << tree.depth);
    for (int level = 0; level < tree.depth; ++level) fmt::print(" {:.2f}", tree.mean_entropy(level));
    fmt::print("\n");
  }
}

void run_evaluate(const Arguments& arguments) {
  train::LoadedModel model = train::load_model(arguments.model);
  const io::TokenStoreReader store = io::open_token_store(arguments.data);
  require_same_words(model, store, arguments.data);
  data::MaskedLmOptions options = train::validation_options(arguments.mask_rate);
  data::MaskedLmLoader loader(store, options);
  const bool soft = arguments.routing == "soft" || model.routing.trained_softly;
  const double temperature = arguments.temperature.value_or(model.routing.temperature);
  const train::Evaluation evaluation = train::evaluate(model.require_lm(), loader, store, arguments.sequences,
                                                       temperature, soft, std::nullopt);
  io::Json json = train::evaluation_json(evaluation, "");
  if (arguments.routing == "soft" && evaluation.loss_soft) {
    json["loss"] = *evaluation.loss_soft;
    json["perplexity"] = std::exp(*evaluation.loss_soft);
  }
  if (!model.routing.finished) {
    log_warning(fmt::format("{}: its trees had not finished hardening when it was saved", arguments.model));
  }
  if (arguments.json) {
    fmt::print("{}\n", json.dump());
  } else {
    print_table(evaluation, json);
  }
}

}  // namespace

void add_evaluate(CLI::App& app) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App* verb = app.add_subcommand("evaluate", "Score a masked language model on held-out text");
  verb->add_option("MODEL", arguments->model, "A checkpoint, a run folder or a Hugging Face folder")
      ->required();
  verb->add_option("--data", arguments->data, "Folder written by prepare, or its tokens.h5")->required();
  verb->add_option("--routing", arguments->routing, "hard, or soft: `loss` is then that of the mixture")
      ->check(CLI::IsMember({"hard", "soft"}))
      ->capture_default_str();
  verb->add_option("--tau", arguments->temperature, "Temperature of soft routing (default: the saved one)")
      ->check(CLI::PositiveNumber);
  verb->add_option("--sequences", arguments->sequences, "Validation sequences to score; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  verb->add_option("--mask-rate", arguments->mask_rate, "Share of the positions that are predicted")
      ->check(CLI::Range(0.001, 1.0))
      ->capture_default_str();
  verb->add_flag("--json", arguments->json, "One JSON document");
  verb->callback([arguments] { run_evaluate(*arguments); });
}

}  // namespace espalier::cli
