// Masked-LM evaluation on held-out sequences, and what is measured of the trees on the way.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "espalier/data/masked_lm_loader.h"
#include "espalier/io/json.h"
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
// `routing.temperature`. `on_batch`, called before each batch, gets the share that is done; what it throws
// ends the scoring.
MaskedLmScore score(nn::MaskedLm& model, data::MaskedLmLoader& loader, std::int64_t sequences,
                    const ops::TreeRouting& routing, const std::function<void(double)>& on_batch = {});

struct Evaluation {
  MaskedLmScore hard;
  double unigram_loss = 0;
  double temperature = 1;                        // of decision statistics and the soft loss
  std::optional<double> loss_soft;               // at `temperature`
  double accuracy_soft = 0;                      // where there is a soft loss
  std::optional<double> loss_soft_temperature0;  // at the beginning's temperature
};

struct EvaluateOptions {
  std::int64_t sequences = 0;          // of the validation split; 0: all
  double temperature = 1;              // of decision statistics and the soft loss
  bool soft = false;                   // the loss of soft routing too; without trees there is none
  std::optional<double> temperature0;  // with `soft`: that of the beginning, for another soft loss
  std::string title;  // shows progress under this name, and lets Ctrl-C throw Interrupted; empty: neither
};

// Hard routing always. The hardening gap is hard - soft loss.
Evaluation evaluate(nn::MaskedLm& model, data::MaskedLmLoader& loader, const io::TokenStoreReader& store,
                    const EvaluateOptions& options);

// Cross entropy of the predicted targets under the training unigram distribution, with one count added to
// every word.
double unigram_loss(data::MaskedLmLoader& loader, const io::TokenStoreReader& store, std::int64_t sequences);

// What `evaluate --json` prints and metrics.jsonl holds (there with `prefix` "eval_"): loss, perplexity,
// accuracy, tokens, unigram_loss; loss_hard, loss_soft, hardening_gap ..., null where there is no soft loss;
// and `routing`, an object for each tree layer. Loss and accuracy are those of hard routing.
io::Json evaluation_json(const Evaluation& evaluation, const std::string& prefix);
// Per level: mean decision entropy, share of undecided decisions; leaves used, leaf perplexities.
io::Json tree_statistics_json(const ops::TreeStatistics& statistics);

}  // namespace espalier::train
