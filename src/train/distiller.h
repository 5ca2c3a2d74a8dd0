// Training new feedforward layers to give what a teacher's give: the teacher, the losses and the measures.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "espalier/config/pretrain_config.h"
#include "espalier/data/masked_lm_loader.h"
#include "espalier/io/checkpoint.h"
#include "espalier/nn/masked_lm.h"
#include "espalier/train/pretrain_metrics.h"

namespace espalier::train {

class Distiller {
 public:
  // The teacher is `init`, the model of config.init; `config.arch` is the student's (train/initial_model.h).
  Distiller(const config::PretrainConfig& config, const io::Checkpoint& init);

  // Gives the student, which is initialised, the teacher's weights outside of its new layers, and those what
  // train/distill_start.h says, fitted to the first distill.start_tokens tokens of `loader` (0: they stay).
  void start(nn::MaskedLm& student, const data::MaskedLmLoader& loader) const;
  // The loss of a batch. Until the used fraction `t` of the budget is distill.layerwise_until: the mean over
  // the new layers of |y - y'|^2 / |y|^2 of the batch (distill.relative_to), each reading the teacher's own
  // input of that layer. Then of the whole student: the mean KL divergence of its predictions from the
  // teacher's in nats, or, where the teacher only encodes, |h - h'|^2 / |h|^2 of the last hidden states; such
  // a teacher, and then the student, reads text without masks.
  Variable loss(nn::MaskedLm& student, const data::MaskedBatch& batch, double t,
                nn::ForwardContext& context) const;

  // On the first `sequences` sequences (0: all), by hard routing; decision statistics at `temperature`.
  DistillScores evaluate(nn::MaskedLm& student, const data::MaskedLmLoader& loader, std::int64_t sequences,
                         double temperature, ops::LayerStatistics& trees) const;

 private:
  struct Targets;
  Targets targets(const nn::Tokens& tokens) const;
  bool predicts() const { return teacher_->options().masked_lm_head; }
  // Masked for a teacher that predicts, else as the text is.
  nn::Tokens tokens_of(const data::MaskedBatch& batch) const;
  Variable layer_losses(nn::MaskedLm& student, const nn::Tokens& tokens, nn::ForwardContext& context) const;

  config::DistillConfig config_;
  std::unique_ptr<nn::MaskedLm> teacher_;
};

// Of the model only these feedforward layers learn from here on. Returns it.
nn::MaskedLm& freeze_all_but(nn::MaskedLm& student, const std::vector<std::int64_t>& layers);

}  // namespace espalier::train
