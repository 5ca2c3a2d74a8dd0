// Reverse-mode automatic differentiation. A Variable is a tensor that may remember how it was made;
// backward() walks those memories from the newest to the oldest and adds gradients. The graph frees itself
// while it is walked.
#pragma once

#include <memory>
#include <span>

#include "espalier/autograd/closure.h"
#include "espalier/base/parallel.h"
#include "espalier/tensor/destination.h"
#include "espalier/tensor/tensor.h"

namespace espalier {

// Of a gradient's rows (of its first axis) those that are zeros without anybody having written them: 1 for
// each of them, else 0.
using UnwrittenRows = std::shared_ptr<PoolVector<char>>;

class Variable {
 public:
  // Undefined; stands for an absent optional argument (a bias, say).
  Variable() = default;
  // A leaf. With `requires_grad`, backward() leaves its gradient in grad().
  explicit Variable(Tensor value, bool requires_grad = false);
  // A leaf that set_value() gives one, of this shape.
  explicit Variable(const Shape& shape, bool requires_grad);

  bool defined() const { return state_ != nullptr; }
  const Tensor& value() const;
  Tensor& mutable_value();
  const Shape& shape() const;
  bool requires_grad() const;
  // Turns a leaf's gradient on or off (frozen parameters). An invariant: only leaves.
  void set_requires_grad(bool requires_grad);

  // The accumulated gradient, of the value's shape; undefined (defined() == false) while nothing has arrived.
  const Tensor& grad() const;
  // The same, sparing those who know what to do with rows of zeros the time to write and to read them:
  // 512 tokens touch an eighth of a 1x11's rows. unwritten_rows() is null where there are none.
  const Tensor& partial_grad() const;
  const UnwrittenRows& unwritten_rows() const;
  // Memory for a gradient contribution; allocates it on first use, then asks to accumulate.
  // Only for variables with requires_grad().
  Destination grad_slot();
  // For an operation that has written to a fresh grad_slot(), but not to these rows, which are zeros.
  void leave_unwritten(UnwrittenRows rows);
  // Adds `contribution` (same shape); keeps it without a copy when it is the first. Memory that others hold
  // too is never added to, so an operation may hand its gradient on to several inputs.
  void accumulate_grad(const Tensor& contribution);
  void clear_grad();
  // Takes the gradient away, undefined if there is none; and puts one of the value's shape (or undefined)
  // there.
  Tensor take_grad();
  void set_grad(Tensor grad);

  // The same place in the graph without the value, for record(): an input whose value backward does not read
  // need not stay in memory until then. A leaf is returned as it is.
  Variable without_value() const;
  // Another value of a leaf, of the same shape; or none, undefined: shape() stays, and value() is a broken
  // promise from then on.
  void set_value(Tensor value);
  // The same value as a leaf without history.
  Variable detach() const;
  // The value of a one-element variable.
  float item() const;
  // Whether two handles mean the same variable.
  friend bool operator==(const Variable& a, const Variable& b) { return a.state_ == b.state_; }

 private:
  struct State;
  friend class Graph;  // the backward sweep
  explicit Variable(std::shared_ptr<State> state) : state_(std::move(state)) {}
  void write_all_rows() const;
  std::shared_ptr<State> state_;
};

using Tensors = PoolVector<Tensor>;
using Variables = PoolVector<Variable>;

// Adds the gradients of the inputs. `outputs[i]` is the gradient of output i, undefined if nothing depends on
// it. `inputs` are the variables given to record(), in order; contribute only where input.requires_grad().
using BackwardFunction = Closure<void(std::span<const Tensor> outputs, std::span<Variable> inputs)>;

// Makes the results of an operation. While gradients are recorded and an input requires one, the results
// remember `inputs` and `backward`; otherwise both are dropped at once. `name` is for messages.
Variables record(const char* name, Tensors values, Variables inputs, BackwardFunction backward);

// The common case of one result; `backward` gets its gradient, which is always defined.
Variable record(const char* name, Tensor value, Variables inputs,
                Closure<void(const Tensor& grad, std::span<Variable> inputs)> backward);

// Whether an operation on `inputs` would be recorded now: if not, it need not save anything for backward.
bool records_gradient(std::initializer_list<Variable> inputs);

// Propagates from a one-element variable (seed gradient `seed`), adding to the grad() of every leaf that
// requires one, in the fixed order newest operation first. Frees the graph on the way: a second call on it is
// an error.
void backward(const Variable& loss, float seed = 1.0F);
// The same from any shape with an explicit upstream gradient.
void backward(const Variable& output, const Tensor& upstream);
// The same, telling of each leaf as soon as nothing more is added to its gradient, while the rest of the
// sweep is still to come (as torch's hooks after accumulation do; sums over processes overlap the sweep by
// it).
void backward(const Variable& loss, FunctionRef<void(const Variable& leaf)> on_complete);

// While alive, operations on this thread are not recorded.
class NoGradGuard {
 public:
  NoGradGuard();
  ~NoGradGuard();
  NoGradGuard(const NoGradGuard&) = delete;
  NoGradGuard& operator=(const NoGradGuard&) = delete;

 private:
  bool previous_;
};

// While alive, record() and backward() check every value and gradient, those of leaves included, and throw a
// RunError that names the first operation whose result is not finite (as torch.autograd.detect_anomaly).
class AnomalyGuard {
 public:
  AnomalyGuard();
  ~AnomalyGuard();
  AnomalyGuard(const AnomalyGuard&) = delete;
  AnomalyGuard& operator=(const AnomalyGuard&) = delete;

 private:
  bool previous_;
};

}  // namespace espalier
