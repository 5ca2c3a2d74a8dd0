#include "espalier/train/evaluator.h"

#include <algorithm>
#include <cmath>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/progress.h"

namespace espalier::train {
namespace {

constexpr std::int64_t kEvaluationBatch = 32;
constexpr std::uint64_t kValidationSeed = 20231118;

template <class Visit>
void for_each_batch(data::MaskedLmLoader& loader, std::int64_t sequences, const Visit& visit) {
  const std::int64_t available = loader.sequences();
  const std::int64_t count = sequences == 0 ? available : std::min(sequences, available);
  for (std::int64_t first = 0; first < count; first += kEvaluationBatch) {
    visit(loader.batch(first, std::min(kEvaluationBatch, count - first)),
          static_cast<double>(first) / static_cast<double>(count));
  }
}

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
  MaskedLmScore result;
  nn::ForwardContext context;
  context.routing = routing;
  context.statistics = &result.trees;
  double sum = 0;
  std::int64_t correct = 0;
  for_each_batch(loader, sequences, [&](const data::MaskedBatch& batch, double done) {
    if (on_batch) on_batch(done);
    const nn::MaskedLmResult part = model.loss({batch.ids}, batch.positions, batch.targets, 1.0, context);
    sum += static_cast<double>(part.loss.item());
    correct += part.correct;
    result.predictions += static_cast<std::int64_t>(batch.positions.size());
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
    if (!progress) return;
    if (const int signal = interrupt_signal()) {
      throw Interrupted("stopped before the end of the evaluation", signal);
    }
    progress->update(done, "");
  };
  const auto score_with = [&](ops::RoutingMode mode, double temperature) {
    if (progress) progress->begin_phase(mode == ops::RoutingMode::kHard ? "hard" : "soft");
    ops::TreeRouting routing;
    routing.mode = mode;
    routing.temperature = static_cast<float>(temperature);
    return score(model, loader, options.sequences, routing, on_batch);
  };
  Evaluation evaluation;
  evaluation.temperature = options.temperature;
  evaluation.hard = score_with(ops::RoutingMode::kHard, options.temperature);
  evaluation.unigram_loss = unigram_loss(loader, store, options.sequences);
  if (!options.soft || evaluation.hard.trees.empty()) return evaluation;
  const MaskedLmScore soft = score_with(ops::RoutingMode::kSoft, options.temperature);
  evaluation.loss_soft = soft.loss;
  evaluation.accuracy_soft = soft.accuracy;
  if (!options.temperature0) return evaluation;
  evaluation.loss_soft_temperature0 = score_with(ops::RoutingMode::kSoft, *options.temperature0).loss;
  return evaluation;
}

double unigram_loss(data::MaskedLmLoader& loader, const io::TokenStoreReader& store, std::int64_t sequences) {
  const std::vector<std::uint64_t> counts = store.unigram_counts();
  double total = 0;
  for (const std::uint64_t count : counts) total += static_cast<double>(count) + 1.0;
  double sum = 0;
  std::int64_t predictions = 0;
  for_each_batch(loader, sequences, [&](const data::MaskedBatch& batch, double /*done*/) {
    for (const std::int32_t target : batch.targets) {
      sum -= std::log((static_cast<double>(counts[static_cast<std::size_t>(target)]) + 1.0) / total);
    }
    predictions += static_cast<std::int64_t>(batch.targets.size());
  });
  return sum / static_cast<double>(std::max<std::int64_t>(predictions, 1));
}

io::Json tree_statistics_json(const ops::TreeStatistics& statistics) {
  io::Json json;
  io::Json entropy = io::Json::array();
  io::Json undecided = io::Json::array();
  for (int level = 0; level < statistics.depth; ++level) {
    entropy.push_back(statistics.mean_entropy(level));
    undecided.push_back(statistics.undecided_share(level));
  }
  json["entropy"] = std::move(entropy);
  json["undecided"] = std::move(undecided);
  json["leaves_used"] = statistics.leaves_used();
  io::Json perplexity = io::Json::array();
  for (int tree = 0; tree < statistics.trees; ++tree) perplexity.push_back(statistics.leaf_perplexity(tree));
  json["leaf_perplexity"] = std::move(perplexity);
  json["largest_leaf_share"] = statistics.largest_leaf_share();
  return json;
}

io::Json evaluation_json(const Evaluation& evaluation, const std::string& prefix) {
  const auto optional = [](const std::optional<double>& value) {
    return value ? io::Json(*value) : io::Json();
  };
  io::Json json;
  json[prefix + "loss"] = evaluation.hard.loss;
  json[prefix + "perplexity"] = std::exp(evaluation.hard.loss);
  json[prefix + "accuracy"] = evaluation.hard.accuracy;
  json[prefix + "tokens"] = evaluation.hard.predictions;
  json[prefix + "unigram_loss"] = evaluation.unigram_loss;
  json[prefix + "loss_hard"] = evaluation.loss_soft ? io::Json(evaluation.hard.loss) : io::Json();
  json[prefix + "loss_soft"] = optional(evaluation.loss_soft);
  json[prefix + "loss_soft_temperature0"] = optional(evaluation.loss_soft_temperature0);
  json[prefix + "hardening_gap"] =
      evaluation.loss_soft ? io::Json(evaluation.hard.loss - *evaluation.loss_soft) : io::Json();
  json[prefix + "temperature"] = evaluation.temperature;
  io::Json layers = io::Json::array();
  for (const ops::TreeStatistics& layer : evaluation.hard.trees)
    layers.push_back(tree_statistics_json(layer));
  json[prefix + "routing"] = std::move(layers);
  return json;
}

}  // namespace espalier::train
