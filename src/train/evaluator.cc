#include "espalier/train/evaluator.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "espalier/base/progress.h"
#include "train/evaluation_batches.h"

namespace espalier::train {
namespace {

constexpr std::int64_t kEvaluationBatch = 32;
constexpr std::uint64_t kValidationSeed = 20231118;

}  // namespace

data::MaskedLmOptions validation_options(double mask_rate) {
  data::MaskedLmOptions options;
  options.split = io::Split::kValidation;
  options.seed = kValidationSeed;
  options.mask_rate = mask_rate;
  return options;
}

MaskedLmScore score(nn::MaskedLm& model, data::MaskedLmLoader& loader, std::int64_t sequences,
                    const ops::TreeRouting& routing, const std::function<void(double)>& on_batch) {
  const NoGradGuard no_grad;
  const auto compute = [&](const data::MaskedBatch& batch, double done, std::vector<double>& numbers) {
    if (on_batch) on_batch(done);
    ops::LayerStatistics trees;
    nn::ForwardContext context;
    context.routing = routing;
    context.statistics = &trees;
    const nn::MaskedLmResult part = model.loss({batch.ids}, batch.positions, batch.targets, 1.0, context);
    numbers.insert(numbers.end(), {static_cast<double>(part.loss.item()), static_cast<double>(part.correct),
                                   static_cast<double>(batch.positions.size())});
    append(trees, numbers);
  };
  MaskedLmScore result;
  double sum = 0;
  std::int64_t correct = 0;
  for_each_batch(loader, sequences, kEvaluationBatch, compute, [&](NumberReader& reader) {
    sum += reader.next();
    correct += reader.next_count();
    result.predictions += reader.next_count();
    add_layers(reader.next_layers(), result.trees);
  });
  const double count = static_cast<double>(std::max<std::int64_t>(result.predictions, 1));
  result.loss = sum / count;
  result.accuracy = static_cast<double>(correct) / count;
  return result;
}

Evaluation evaluate(nn::MaskedLm& model, data::MaskedLmLoader& loader, const io::TokenStoreReader& store,
                    const EvaluateOptions& options) {
  std::optional<Progress> progress;
  if (!options.title.empty()) progress.emplace(options.title);
  const std::function<void(double)> on_batch = [&](double done) {
    if (progress) progress->update(done, "");
  };
  const auto score_with = [&](ops::RoutingMode mode, double temperature, double epsilon) {
    if (progress) progress->begin_phase(mode == ops::RoutingMode::kHard ? "hard" : "soft");
    ops::TreeRouting routing;
    routing.mode = mode;
    routing.temperature = static_cast<float>(temperature);
    routing.epsilon = static_cast<float>(epsilon);
    return score(model, loader, options.sequences, routing, on_batch);
  };
  Evaluation evaluation;
  evaluation.temperature = options.temperature;
  evaluation.epsilon = options.epsilon;
  evaluation.tree_layers = nn::tree_layers(model.options());
  evaluation.hard = score_with(ops::RoutingMode::kHard, options.temperature, 0);
  evaluation.unigram_loss = unigram_loss(loader, store, options.sequences);
  if (!options.soft || evaluation.hard.trees.empty()) return evaluation;
  const MaskedLmScore soft = score_with(ops::RoutingMode::kSoft, options.temperature, options.epsilon);
  evaluation.loss_soft = soft.loss;
  evaluation.accuracy_soft = soft.accuracy;
  if (!options.temperature0) return evaluation;
  // Nothing is pruned at the beginning.
  evaluation.loss_soft_temperature0 = score_with(ops::RoutingMode::kSoft, *options.temperature0, 0).loss;
  return evaluation;
}

double unigram_loss(data::MaskedLmLoader& loader, const io::TokenStoreReader& store, std::int64_t sequences) {
  const std::vector<std::uint64_t> counts = store.unigram_counts();
  double total = 0;
  for (const std::uint64_t count : counts) total += static_cast<double>(count) + 1.0;
  const auto compute = [&](const data::MaskedBatch& batch, double /*done*/, std::vector<double>& numbers) {
    double loss = 0;
    for (const std::int32_t target : batch.targets) {
      loss -= std::log((static_cast<double>(counts[static_cast<std::size_t>(target)]) + 1.0) / total);
    }
    numbers.insert(numbers.end(), {loss, static_cast<double>(batch.targets.size())});
  };
  double sum = 0;
  std::int64_t predictions = 0;
  for_each_batch(loader, sequences, kEvaluationBatch, compute, [&](NumberReader& reader) {
    sum += reader.next();
    predictions += reader.next_count();
  });
  return sum / static_cast<double>(std::max<std::int64_t>(predictions, 1));
}

static TreeScores scores_of(const ops::TreeStatistics& statistics, std::int64_t layer) {
  TreeScores scores;
  scores.layer = layer;
  for (int level = 0; level < statistics.depth; ++level) {
    scores.entropy.push_back(statistics.mean_entropy(level));
    scores.undecided.push_back(statistics.undecided_share(level));
  }
  scores.leaves_used = statistics.leaves_used();
  for (int tree = 0; tree < statistics.trees; ++tree) {
    scores.leaf_perplexity.push_back(statistics.leaf_perplexity(tree));
  }
  scores.largest_leaf_share = statistics.largest_leaf_share();
  return scores;
}

std::vector<TreeScores> scores_of(const ops::LayerStatistics& trees, std::span<const std::int64_t> layers) {
  ESPALIER_CHECK(trees.size() == layers.size());
  std::vector<TreeScores> scores;
  for (std::size_t i = 0; i < trees.size(); ++i) scores.push_back(scores_of(trees[i], layers[i]));
  return scores;
}

std::vector<std::vector<std::int64_t>> visits_of(const ops::TreeStatistics& statistics) {
  const auto leaves = static_cast<std::size_t>(statistics.size().leaves_per_tree());
  const std::size_t spans = std::min(leaves, kVisitSpans);
  std::vector<std::vector<std::int64_t>> visits(static_cast<std::size_t>(statistics.trees),
                                                std::vector<std::int64_t>(spans));
  for (std::size_t i = 0; i < statistics.leaf_tokens.size(); ++i) {
    visits[i / leaves][i % leaves * spans / leaves] += statistics.leaf_tokens[i];
  }
  return visits;
}

void describe(TreeScores& scores, io::JsonFields& fields) {
  fields.add("layer", scores.layer);
  fields.add("entropy", scores.entropy);
  fields.add("undecided", scores.undecided);
  fields.add("leaves_used", scores.leaves_used);
  fields.add("leaf_perplexity", scores.leaf_perplexity);
  fields.add("largest_leaf_share", scores.largest_leaf_share);
  fields.add_unless_empty("visits", scores.visits);
}

void describe(EvaluationScores& scores, io::JsonFields& fields) {
  fields.add("loss", scores.loss);
  fields.add("perplexity", scores.perplexity);
  fields.add("accuracy", scores.accuracy);
  fields.add("tokens", scores.tokens);
  fields.add("unigram_loss", scores.unigram_loss);
  fields.add("loss_hard", scores.loss_hard);
  fields.add("loss_soft", scores.loss_soft);
  fields.add("loss_soft_temperature0", scores.loss_soft_temperature0);
  fields.add("hardening_gap", scores.hardening_gap);
  fields.add("temperature", scores.temperature);
  fields.add_unless_empty("epsilon", scores.epsilon);
  fields.add("routing", scores.routing);
}

EvaluationScores scores_of(const Evaluation& evaluation) {
  EvaluationScores scores;
  scores.loss = evaluation.hard.loss;
  scores.perplexity = std::exp(evaluation.hard.loss);
  scores.accuracy = evaluation.hard.accuracy;
  scores.tokens = evaluation.hard.predictions;
  scores.unigram_loss = evaluation.unigram_loss;
  if (evaluation.loss_soft) scores.loss_hard = evaluation.hard.loss;
  scores.loss_soft = evaluation.loss_soft;
  scores.loss_soft_temperature0 = evaluation.loss_soft_temperature0;
  scores.hardening_gap = evaluation.hardening_gap();
  scores.temperature = evaluation.temperature;
  if (evaluation.loss_soft && evaluation.epsilon > 0) scores.epsilon = evaluation.epsilon;
  scores.routing = scores_of(evaluation.hard.trees, evaluation.tree_layers);
  return scores;
}

}  // namespace espalier::train
