// Masked-LM evaluation on held-out sequences, and what is measured of the trees on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "espalier/data/masked_lm_loader.h"
#include "espalier/io/json_fields.h"
#include "espalier/io/token_store.h"
#include "espalier/nn/masked_lm.h"

namespace espalier::train {

// How validation sequences are masked: in stored order, with a seed of its own, the same for every run and
// verb, so that evaluations compare.
data::MaskedLmOptions validation_options(double mask_rate);

// One pass with one routing.
struct MaskedLmScore {
  double loss = 0;      // mean cross entropy of the predicted positions, nats
  double accuracy = 0;  // share predicted exactly
  std::int64_t predictions = 0;
  ops::LayerStatistics trees;  // one a tree layer
};

// Scores the model on the first `sequences` sequences of the loader (0: all), masked as the loader masks
// them; with validation_options() that is the same in every epoch of every run. Decision statistics use
// `routing.temperature`. `on_batch`, called before each batch, gets the share that is done. A signal
// (interrupt_signal()) ends it between two batches with Interrupted, here and in what follows.
MaskedLmScore score(nn::MaskedLm& model, data::MaskedLmLoader& loader, std::int64_t sequences,
                    const ops::TreeRouting& routing, const std::function<void(double)>& on_batch = {});

struct Evaluation {
  MaskedLmScore hard;
  double unigram_loss = 0;
  double temperature = 1;                        // of decision statistics and the soft loss
  double epsilon = 0;                            // of the soft loss
  std::optional<double> loss_soft;               // at `temperature`
  double accuracy_soft = 0;                      // where there is a soft loss
  std::optional<double> loss_soft_temperature0;  // at the beginning's temperature
  std::vector<std::int64_t> tree_layers;         // whose `hard.trees` are

  // Hard - soft loss.
  std::optional<double> hardening_gap() const {
    return loss_soft ? std::optional(hard.loss - *loss_soft) : std::nullopt;
  }
};

struct EvaluateOptions {
  std::int64_t sequences = 0;          // of the validation split; 0: all
  double temperature = 1;              // of decision statistics and the soft loss
  double epsilon = 0;                  // of soft routing: ops::TreeRouting::epsilon
  bool soft = false;                   // the loss of soft routing too; without trees there is none
  std::optional<double> temperature0;  // with `soft`: that of the beginning, for another soft loss
  std::string title;                   // shows progress under this name; empty: none
};

// Hard routing always.
Evaluation evaluate(nn::MaskedLm& model, data::MaskedLmLoader& loader, const io::TokenStoreReader& store,
                    const EvaluateOptions& options);

// Cross entropy of the predicted targets under the training unigram distribution, with one count added to
// every word.
double unigram_loss(data::MaskedLmLoader& loader, const io::TokenStoreReader& store, std::int64_t sequences);

// What is measured of a tree layer.
struct TreeScores {
  std::vector<double> entropy;    // mean of the decisions of a level, nats
  std::vector<double> undecided;  // share of the decisions of a level
  double leaves_used = 0;
  std::vector<double> leaf_perplexity;  // of each tree
  double largest_leaf_share = 0;
  // Of each tree, by hard routing, the tokens that ended in each leaf, or, where it has more than
  // kVisitSpans, in each of so many equal spans of them: the subtrees of one level. With log.tensorboard.
  std::vector<std::vector<std::int64_t>> visits;
  std::int64_t layer = 0;  // of the encoder
};
inline constexpr std::size_t kVisitSpans = 64;
void describe(TreeScores& scores, io::JsonFields& fields);
// Of trees of these layers, without `visits`.
std::vector<TreeScores> scores_of(const ops::LayerStatistics& trees, std::span<const std::int64_t> layers);
std::vector<std::vector<std::int64_t>> visits_of(const ops::TreeStatistics& statistics);

// What `evaluate --json` prints and metrics.jsonl holds.
struct EvaluationScores {
  double loss = std::numeric_limits<double>::quiet_NaN();  // of hard routing, as perplexity and accuracy
  double perplexity = std::numeric_limits<double>::quiet_NaN();
  double accuracy = 0;
  std::int64_t tokens = 0;  // predictions
  double unigram_loss = 0;
  // Only where there is a soft loss.
  std::optional<double> loss_hard, loss_soft, loss_soft_temperature0, hardening_gap;
  double temperature = 1;
  std::optional<double> epsilon;    // of the soft loss, where paths are left out
  std::vector<TreeScores> routing;  // one a tree layer
};
void describe(EvaluationScores& scores, io::JsonFields& fields);

EvaluationScores scores_of(const Evaluation& evaluation);

}  // namespace espalier::train
