#include "espalier/autograd/variable.h"

#include <atomic>
#include <cmath>
#include <utility>

#include "autograd/graph.h"
#include "espalier/base/error.h"
#include "kernels/elementwise.h"

namespace espalier {
namespace {

thread_local bool gradient_on = true;
thread_local bool anomaly_on = false;
std::atomic<std::uint64_t> next_sequence{1};

}  // namespace

Variable::Variable(Tensor value, bool requires_grad)
    : state_(std::allocate_shared<State>(PoolAllocator<State>())) {
  ESPALIER_CHECK(value.defined());
  state_->shape = value.shape();
  state_->value = std::move(value);
  state_->requires_grad = requires_grad;
}

Variable::Variable(const Shape& shape, bool requires_grad)
    : state_(std::allocate_shared<State>(PoolAllocator<State>())) {
  state_->shape = shape;
  state_->requires_grad = requires_grad;
}

const Tensor& Variable::value() const {
  ESPALIER_CHECK(defined() && state_->value.defined());
  return state_->value;
}

Tensor& Variable::mutable_value() {
  ESPALIER_CHECK(defined() && state_->value.defined());
  return state_->value;
}

const Shape& Variable::shape() const {
  ESPALIER_CHECK(defined());
  return state_->value.defined() ? state_->value.shape() : state_->shape;
}

bool Variable::requires_grad() const {
  return defined() && state_->requires_grad;
}

void Variable::set_requires_grad(bool requires_grad) {
  ESPALIER_CHECK(defined() && state_->producer == nullptr);
  state_->requires_grad = requires_grad;
}

const Tensor& Variable::grad() const {
  write_all_rows();
  return state_->grad;
}

const Tensor& Variable::partial_grad() const {
  ESPALIER_CHECK(defined());
  return state_->grad;
}

const UnwrittenRows& Variable::unwritten_rows() const {
  ESPALIER_CHECK(defined());
  return state_->unwritten;
}

void Variable::write_all_rows() const {
  ESPALIER_CHECK(defined());
  const UnwrittenRows unwritten = std::move(state_->unwritten);
  if (unwritten == nullptr) return;
  const Shape& shape = state_->shape;
  kernels::zero_rows(shape[0], shape.elements() / shape[0], unwritten->data(), state_->grad.data());
}

void Variable::leave_unwritten(UnwrittenRows rows) {
  ESPALIER_CHECK(requires_grad() && rows != nullptr);
  ESPALIER_CHECK(static_cast<std::int64_t>(rows->size()) == shape()[0]);
  if (state_->producer == nullptr) {
    state_->unwritten = std::move(rows);
  } else {
    kernels::zero_rows(shape()[0], shape().elements() / shape()[0], rows->data(),
                       state_->producer->output_grads[state_->output_index].data());
  }
}

// A recorded result collects its gradient in the node that made it, a leaf in itself.
static Tensor& gradient_of(Variable& variable) {
  auto& state = Graph::state(variable);
  return state.producer ? state.producer->output_grads[state.output_index] : state.grad;
}

// Before adding to a gradient: memory that somebody else holds too (an operation may hand one gradient on to
// several inputs) is copied first.
static void make_own(Tensor& grad) {
  if (!grad.shared()) return;
  const Tensor before = grad;
  grad = Tensor::empty(before.shape());
  kernels::scale(grad.size(), 1.0F, before.data(), grad.data());
}

Destination Variable::grad_slot() {
  ESPALIER_CHECK(requires_grad());
  write_all_rows();
  Tensor& grad = gradient_of(*this);
  const bool accumulate = grad.defined();
  if (accumulate) {
    make_own(grad);
  } else {
    grad = Tensor::empty(shape());
  }
  return {grad.data(), accumulate};
}

void Variable::accumulate_grad(const Tensor& contribution) {
  ESPALIER_CHECK(requires_grad() && contribution.shape() == shape());
  write_all_rows();
  Tensor& grad = gradient_of(*this);
  if (!grad.defined()) {
    grad = contribution;
    return;
  }
  if (grad.shared()) {
    const Tensor before = grad;
    grad = Tensor::empty(before.shape());
    kernels::add(grad.size(), before.data(), contribution.data(), grad.data());
    return;
  }
  kernels::scale(grad.size(), 1.0F, contribution.data(), {grad.data(), true});
}

void Variable::clear_grad() {
  ESPALIER_CHECK(defined());
  state_->grad = Tensor();
  state_->unwritten = nullptr;
}

Tensor Variable::take_grad() {
  write_all_rows();
  return std::exchange(state_->grad, Tensor());
}

void Variable::set_grad(Tensor grad) {
  ESPALIER_CHECK(requires_grad() && (!grad.defined() || grad.shape() == shape()));
  state_->grad = std::move(grad);
  state_->unwritten = nullptr;
}

Variable Variable::without_value() const {
  if (!defined() || !state_->producer) return *this;
  auto state = std::allocate_shared<State>(PoolAllocator<State>(), *state_);
  state->value = Tensor();
  return Variable(std::move(state));
}

void Variable::set_value(Tensor value) {
  ESPALIER_CHECK(defined() && state_->producer == nullptr);
  ESPALIER_CHECK(!value.defined() || value.shape() == shape());
  state_->value = std::move(value);
}

Variable Variable::detach() const {
  return Variable(value());
}

float Variable::item() const {
  ESPALIER_CHECK(value().size() == 1);
  return value().data()[0];
}

std::shared_ptr<GraphNode> Graph::take_producer(Variable& variable) {
  return variable.state_.use_count() == 1 ? std::move(variable.state_->producer) : nullptr;
}

// Takes the inputs of `node`; puts their producers that nobody else holds before `dying`.
static void release_inputs(GraphNode& node, std::shared_ptr<GraphNode>& dying) {
  for (Variable& input : node.inputs) {
    std::shared_ptr<GraphNode> producer = Graph::take_producer(input);
    input = Variable();
    if (producer.use_count() != 1) continue;
    producer->next_dying = std::move(dying);
    dying = std::move(producer);
  }
}

GraphNode::~GraphNode() {
  std::shared_ptr<GraphNode> dying;
  release_inputs(*this, dying);
  while (dying) {
    const std::shared_ptr<GraphNode> node = std::move(dying);
    dying = std::move(node->next_dying);
    release_inputs(*node, dying);
  }
}

Variable Graph::make(Tensor value, std::shared_ptr<GraphNode> producer, std::size_t index) {
  Variable result(std::move(value));
  result.state_->requires_grad = true;
  result.state_->producer = std::move(producer);
  result.state_->output_index = index;
  return result;
}

static bool any_requires_grad(std::span<const Variable> inputs) {
  for (const Variable& input : inputs) {
    if (input.requires_grad()) return true;
  }
  return false;
}

bool records_gradient(std::initializer_list<Variable> inputs) {
  return gradient_on && any_requires_grad({inputs.begin(), inputs.size()});
}

Variables record(const char* name, Tensors values, Variables inputs, BackwardFunction backward) {
  if (operations_are_timed()) note_forward(name);
  if (anomaly_on) {
    for (const Tensor& value : values) check_finite(value, name, "output");
  }
  Variables results;
  results.reserve(values.size());
  if (!gradient_on || !any_requires_grad(inputs)) {
    for (Tensor& value : values) results.emplace_back(std::move(value));
    return results;
  }
  auto node = std::allocate_shared<GraphNode>(PoolAllocator<GraphNode>());
  node->name = name;
  node->sequence = next_sequence++;
  node->inputs = std::move(inputs);
  node->backward = std::move(backward);
  node->output_grads.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    results.push_back(Graph::make(std::move(values[i]), node, i));
  }
  return results;
}

Variable record(const char* name, Tensor value, Variables inputs,
                Closure<void(const Tensor& grad, std::span<Variable> inputs)> backward) {
  Tensors values;
  values.push_back(std::move(value));
  return record(name, std::move(values), std::move(inputs),
                [backward = std::move(backward)](std::span<const Tensor> outputs, std::span<Variable> in) {
                  backward(outputs[0], in);
                })[0];
}

NoGradGuard::NoGradGuard() : previous_(gradient_on) {
  gradient_on = false;
}
NoGradGuard::~NoGradGuard() {
  gradient_on = previous_;
}
AnomalyGuard::AnomalyGuard() : previous_(anomaly_on) {
  anomaly_on = true;
}
AnomalyGuard::~AnomalyGuard() {
  anomaly_on = previous_;
}
bool anomaly_detection_enabled() {
  return anomaly_on;
}

}  // namespace espalier
