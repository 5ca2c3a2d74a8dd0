// Modules own named parameters. Names are dotted paths; they are stable, because checkpoints use them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "espalier/autograd/variable.h"
#include "espalier/nn/parameter_list.h"
#include "espalier/nn/parameter_role.h"
#include "espalier/ops/precision.h"
#include "espalier/ops/quantized.h"

namespace espalier::nn {

struct NamedParameter {
  std::string name;
  Variable value;
  ParameterRole role = ParameterRole::kMatrix;
  RowTurns turns = {};
};

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // Own parameters and those of the children, depth first in order of registration. Each appears once.
  std::vector<NamedParameter> parameters() const;
  // Number of elements of all parameters.
  std::int64_t parameter_count() const;
  void clear_gradients();
  // In which numbers this module and its children compute products from now on; float32 where nobody says.
  // int8 is for after fix_weights(kInt8), and without gradients: forward passes throw InputError otherwise.
  void use_precision(ops::Precision precision);
  // The same for a model that is used, whose weights stay as they are from now on: with bf16 and int8
  // each module makes the copies that its products read, which give no gradients. Afterwards use_precision()
  // changes between this and others. InputError naming a parameter that int8 cannot express.
  void fix_weights(ops::Precision precision);
  // The parameter of that name, of Int8Form::kBytes or kBytesIfHard, as it is from now on: its value is gone,
  // and fix_weights(kInt8) takes these bytes for it; it computes in int8 alone. False: there is no such
  // parameter.
  bool take_bytes(const std::string& name, const ByteMatrix& bytes);

 protected:
  ops::Precision precision() const { return precision_; }
  // Copies of this module's own weights as products in precision() read them.
  virtual void prepare_weights() {}
  // For prepare_weights() with int8: the weight of that name in bytes.
  ops::QuantizedWeight quantized(const std::string& name);
  // The bytes that one was given, undefined where it was given none; they are handed out once.
  ByteMatrix given_bytes(const std::string& name);
  // Makes what `describe` lists, but for the parameters of children: leaves of zeros (WithoutValuesGuard: of
  // nothing) that require a gradient, unless they are carried along only.
  void register_parameters(FunctionRef<void(const ParameterList& own)> describe);
  // A handle to one of those, undefined where there is none of that name.
  Variable parameter(const std::string& name) const;
  // An empty name: its parameters have names as if they were of this module itself.
  void register_module(std::string name, Module& child);

 private:
  void collect(const std::string& prefix, std::vector<NamedParameter>& out) const;
  std::vector<NamedParameter> own_;
  std::map<std::string, ByteMatrix> given_bytes_;
  bool in_bytes_ = false;
  struct Child {
    std::string name;
    Module* module;
  };
  std::vector<Child> children_;
  ops::Precision precision_ = ops::Precision::kFloat32;
};

// While alive, modules that are made on this thread get no memory for parameters: those of a file are given
// to them (NamedParameter::value.set_value()). A model of 160 million otherwise spends 0.1 s and 300 MB on
// zeros that nobody reads.
class WithoutValuesGuard {
 public:
  WithoutValuesGuard();
  ~WithoutValuesGuard();
  WithoutValuesGuard(const WithoutValuesGuard&) = delete;
  WithoutValuesGuard& operator=(const WithoutValuesGuard&) = delete;

 private:
  bool previous_;
};

// Fills with draws from N(0, std^2) or U(-bound, bound), a function of (seed, name, element) alone.
void init_normal(Tensor& tensor, float std, std::uint64_t seed, const std::string& name);
void init_uniform(Tensor& tensor, float bound, std::uint64_t seed, const std::string& name);

}  // namespace espalier::nn
