// What every operation is put through here.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "tests/support/support.h"

namespace espalier::testing {

// Leaves NaN in the pool's free blocks of the sizes of `tensors`, so that a kernel that adds where it should
// overwrite shows.
inline void poison_pool(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> held;
  for (const Tensor& tensor : tensors) {
    for (int copies = 0; copies < 3; ++copies) held.push_back(Tensor::full(tensor.shape(), NAN));
  }
}

// The gradient of <upstream, op> with respect to input `which` alone, all others constants, left in fresh
// memory.
inline Tensor gradient_alone(const FloatOp& op, const std::vector<Tensor>& inputs, std::size_t which,
                             std::uint64_t seed) {
  std::vector<Variable> variables;
  for (std::size_t i = 0; i < inputs.size(); ++i) variables.emplace_back(inputs[i].clone(), i == which);
  const Variable result = op(variables);
  const Tensor upstream = random_tensor(result.shape(), seed);
  poison_pool(inputs);
  backward(result, upstream);
  return variables[which].grad();
}

// check_op (value, gradient, accumulation); then that each input's gradient is the same with all other
// inputs constant and in fresh memory, and that nothing is recorded, nor anything else computed, without
// gradients.
inline void full_check(const FloatOp& op, const DoubleTwin& twin, const std::vector<Tensor>& inputs,
                       const GradcheckOptions& options = {}) {
  check_op(op, twin, inputs, options);
  std::vector<Variable> variables;
  for (const Tensor& input : inputs) variables.emplace_back(input.clone(), true);
  const Variable result = op(variables);
  poison_pool(inputs);
  backward(result, random_tensor(result.shape(), 77));
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    INFO("input " << i << " alone");
    CHECK(gradient_alone(op, inputs, i, 77).to_vector() == variables[i].grad().to_vector());
  }
  const NoGradGuard guard;
  CHECK_FALSE(op(variables).requires_grad());
  CHECK(op(variables).value().to_vector() == result.value().to_vector());
}

// A twin that works element by element.
inline DoubleTwin elementwise_twin(double (*f)(double)) {
  return [f](std::span<const Doubles> in) {
    Doubles out;
    for (const double x : in[0]) out.push_back(f(x));
    return out;
  };
}

inline const Shape kShapes[] = {{}, {1}, {7}, {0}, {3, 5}, {2, 3, 4}, {4, 0, 2}, {1, 33}};

}  // namespace espalier::testing
