#include "espalier/optim/muon.h"

#include <utility>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/isa.h"
#include "kernels/muon.h"

namespace espalier::optim {
namespace {

// One matrix of a slot, in memory that is [.., width].
struct Matrix {
  kernels::MatrixRows rows;
  std::int64_t width;
  const float* gradient;
  float* weight;
  float* momentum;
};

}  // namespace

bool MuonOptions::bfloat16_is_fast() {
  return kernels::bfloat16_obstacle().empty();
}

Muon::Muon(std::vector<nn::NamedParameter> weights, const MuonOptions& options) : options_(options) {
  for (nn::NamedParameter& weight : weights) {
    if (!weight.value.requires_grad()) continue;
    const Shape shape = weight.value.shape();
    ESPALIER_CHECK(shape.rank() == 2);
    nn::RowTurns turns = weight.turns;
    if (turns.rows == 0) turns.rows = shape[0] / turns.matrices;
    ESPALIER_CHECK(shape[0] % (turns.matrices * turns.rows) == 0);
    slots_.push_back({std::move(weight.name), std::move(weight.value), turns, Tensor::zeros(shape)});
  }
}

void Muon::step(double lr, double gradient_scale) {
  kernels::MuonStep step{};
  step.gradient_scale = static_cast<float>(gradient_scale);
  step.momentum = static_cast<float>(options_.momentum);
  step.rest = static_cast<float>(1.0 - options_.momentum);
  step.decay = static_cast<float>(1.0 - lr * options_.weight_decay);
  step.lr = lr;
  step.bfloat16 = options_.bfloat16;
  PoolVector<Matrix> matrices;
  for (MuonSlot& slot : slots_) {
    if (!slot.parameter.requires_grad()) continue;
    const Tensor& gradient = slot.parameter.grad();
    const nn::RowTurns& turns = slot.turns;
    const std::int64_t round = turns.matrices * turns.rows, rows = slot.momentum.shape()[0];
    for (std::int64_t i = 0; i < turns.matrices; ++i) {
      matrices.push_back({.rows = {i * turns.rows, rows / round, turns.rows, round},
                          .width = slot.momentum.shape()[1],
                          .gradient = gradient.defined() ? gradient.data() : nullptr,
                          .weight = slot.parameter.mutable_value().data(),
                          .momentum = slot.momentum.data()});
    }
  }
  parallel_for(static_cast<std::int64_t>(matrices.size()), 1, [&](std::int64_t i, std::int64_t) {
    const Matrix& matrix = matrices[static_cast<std::size_t>(i)];
    kernels::muon(step, matrix.rows, matrix.width, matrix.gradient, matrix.weight, matrix.momentum);
  });
}

}  // namespace espalier::optim
