#include "tests/train/golden_support.h"

#include <numeric>

#include "espalier/nn/context.h"
#include "espalier/ops/cross_entropy.h"
#include "espalier/ops/mean_squared_error.h"
#include "espalier/ops/shape.h"

namespace espalier::train {
namespace {

IntTensor read_int_tensor(const io::SafetensorsReader& tensors, const std::string& name) {
  const std::vector<std::int64_t> wide = tensors.read_ints(name);
  return IntTensor::from(tensors.info(name).shape, std::vector<std::int32_t>(wide.begin(), wide.end()));
}

nn::ForwardContext context_with(const ops::TreeRouting& routing) {
  nn::ForwardContext context;
  context.routing = routing;
  return context;
}

}  // namespace

GoldenBatch read_golden_batch(const io::SafetensorsReader& tensors, const std::string& prefix) {
  GoldenBatch batch;
  batch.tokens.ids = read_int_tensor(tensors, prefix + "ids");
  if (tensors.contains(prefix + "types")) batch.tokens.types = read_int_tensor(tensors, prefix + "types");
  if (tensors.contains(prefix + "mask")) {
    const std::vector<std::int64_t> mask = tensors.read_ints(prefix + "mask");
    batch.tokens.mask = Tensor::from(batch.tokens.ids.shape(), std::vector<float>(mask.begin(), mask.end()));
  }
  if (!tensors.contains(prefix + "labels")) return batch;
  if (tensors.info(prefix + "labels").dtype == io::DType::kF32) {
    batch.values = tensors.read_floats(prefix + "labels");
    return batch;
  }
  const std::vector<std::int64_t> labels = tensors.read_ints(prefix + "labels");
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (labels[i] == -100) continue;
    batch.positions.push_back(static_cast<std::int32_t>(i));
    batch.targets.push_back(static_cast<std::int32_t>(labels[i]));
  }
  return batch;
}

optim::AdamWOptions golden_adamw(const io::Json& settings) {
  return {.beta1 = settings.at("betas").at(0).get<double>(),
          .beta2 = settings.at("betas").at(1).get<double>(),
          .eps = settings.at("eps").get<double>(),
          .weight_decay = settings.at("weight_decay").get<double>()};
}

Variable golden_loss(model::LoadedModel& model, const GoldenBatch& batch, const ops::TreeRouting& routing) {
  nn::ForwardContext context = context_with(routing);
  context.training = true;
  if (model.lm) {
    const double count = static_cast<double>(batch.positions.size());
    return model.lm->loss(batch.tokens, batch.positions, batch.targets, count, context).loss;
  }
  const Variable logits = model.classifier->forward(batch.tokens, context);
  const std::int64_t rows = batch.tokens.ids.shape()[0];
  if (!batch.values.empty()) {
    return ops::mean_squared_error(ops::reshape(logits, {rows}), Tensor::from({rows}, batch.values));
  }
  return ops::cross_entropy(logits, IntTensor::from({rows}, batch.targets));
}

Tensor golden_hidden(model::LoadedModel& model, const nn::Tokens& tokens, const ops::TreeRouting& routing) {
  const NoGradGuard no_grad;
  nn::ForwardContext context = context_with(routing);
  return model.encoder().forward(tokens, context).value();
}

Tensor golden_logits(model::LoadedModel& model, const nn::Tokens& tokens, const ops::TreeRouting& routing) {
  const NoGradGuard no_grad;
  nn::ForwardContext context = context_with(routing);
  if (model.classifier) return model.classifier->forward(tokens, context).value();
  std::vector<std::int32_t> positions(static_cast<std::size_t>(tokens.ids.size()));
  std::iota(positions.begin(), positions.end(), 0);
  return model.lm->logits(tokens, positions, context).value();
}

}  // namespace espalier::train
