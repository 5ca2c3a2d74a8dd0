#include "espalier/nn/module.h"

#include <utility>

#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/base/philox.h"

namespace espalier::nn {
namespace {

constexpr std::int64_t kGrain = 1 << 14;

thread_local bool without_values = false;

template <class Draw>
void fill(Tensor& tensor, std::uint64_t seed, const std::string& name, const Draw& draw) {
  const Philox random(seed, RandomStream::kInit, checksum(name.data(), name.size()));
  float* data = tensor.data();
  parallel_for(tensor.size(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) data[i] = draw(random, static_cast<std::uint64_t>(i));
  });
}

}  // namespace

std::vector<NamedParameter> Module::parameters() const {
  std::vector<NamedParameter> all;
  collect("", all);
  return all;
}

std::int64_t Module::parameter_count() const {
  std::int64_t count = 0;
  for (const NamedParameter& parameter : parameters()) count += parameter.value.shape().elements();
  return count;
}

void Module::clear_gradients() {
  for (NamedParameter& parameter : own_) parameter.value.clear_grad();
  for (Child& child : children_) child.module->clear_gradients();
}

void Module::use_precision(ops::Precision precision) {
  precision_ = precision;
  for (Child& child : children_) child.module->use_precision(precision);
}

void Module::fix_weights(ops::Precision precision) {
  precision_ = precision;
  // Bytes are handed out once, and the values that they stand for are gone.
  const bool made = in_bytes_ && given_bytes_.empty();
  if (!made) prepare_weights();
  for (Child& child : children_) {
    try {
      child.module->fix_weights(precision);
    } catch (const InputError& error) {
      throw InputError(child.name.empty() ? error.what() : child.name + "." + error.what());
    }
  }
}

bool Module::take_bytes(const std::string& name, const ByteMatrix& bytes) {
  for (NamedParameter& own : own_) {
    if (own.name != name) continue;
    ESPALIER_CHECK(own.value.shape() == bytes.shape());
    own.value.set_value(Tensor());
    given_bytes_[name] = bytes;
    in_bytes_ = true;
    return true;
  }
  for (Child& child : children_) {
    const std::string prefix = child.name.empty() ? "" : child.name + ".";
    if (name.starts_with(prefix) && child.module->take_bytes(name.substr(prefix.size()), bytes)) return true;
  }
  return false;
}

ByteMatrix Module::given_bytes(const std::string& name) {
  const auto node = given_bytes_.extract(name);
  return node.empty() ? ByteMatrix() : node.mapped();
}

ops::QuantizedWeight Module::quantized(const std::string& name) {
  const ByteMatrix bytes = given_bytes(name);
  if (bytes.defined()) return ops::QuantizedWeight(bytes);
  return ops::QuantizedWeight(parameter(name).value(), name);
}

void Module::register_parameters(FunctionRef<void(const ParameterList& own)> describe) {
  const auto make = [this](const ParameterInfo& info) {
    Variable leaf(info.shape, info.role != ParameterRole::kCarried);
    if (!without_values) leaf.set_value(Tensor::zeros(info.shape));
    own_.push_back({info.name, std::move(leaf), info.role, info.turns});
  };
  describe(ParameterList::without_children(make));
}

Variable Module::parameter(const std::string& name) const {
  for (const NamedParameter& own : own_) {
    if (own.name == name) return own.value;
  }
  return {};
}

void Module::register_module(std::string name, Module& child) {
  children_.push_back({std::move(name), &child});
}

void Module::collect(const std::string& prefix, std::vector<NamedParameter>& out) const {
  for (const NamedParameter& parameter : own_) {
    out.push_back(parameter);
    out.back().name = prefix + parameter.name;
  }
  for (const Child& child : children_) {
    child.module->collect(child.name.empty() ? prefix : prefix + child.name + ".", out);
  }
}

WithoutValuesGuard::WithoutValuesGuard() : previous_(std::exchange(without_values, true)) {}
WithoutValuesGuard::~WithoutValuesGuard() {
  without_values = previous_;
}

void init_normal(Tensor& tensor, float std, std::uint64_t seed, const std::string& name) {
  fill(tensor, seed, name, [std](const Philox& random, std::uint64_t i) { return std * random.normal(i); });
}

void init_uniform(Tensor& tensor, float bound, std::uint64_t seed, const std::string& name) {
  fill(tensor, seed, name,
       [bound](const Philox& random, std::uint64_t i) { return bound * (2.0F * random.uniform(i) - 1.0F); });
}

}  // namespace espalier::nn
