// The parameters of a module, told without building it. Every module has a static describe() that lists its
// own and its parts': the one place that says what they are. From it the module registers them, files are
// checked before anything of their claimed sizes is allocated, and exports take names and layouts.
//
// A parameter whose name ends in `_t` is a matrix that the original stores transposed, under the name without
// it.
#pragma once

#include <cstdint>
#include <string>

#include "espalier/base/parallel.h"
#include "espalier/nn/parameter_role.h"
#include "espalier/tensor/shape.h"

namespace espalier::nn {

// What of a model a parameter belongs to. Norms are a part of their own, wherever they stand.
enum class ModelPart { kEmbedding, kAttention, kFeedForward, kNorms, kHead };

// How a model that is used in int8 has it.
enum class Int8Form {
  kFloat32,
  kBytes,        // rows of bytes with a scale each (ops/quantized.h)
  kBytesIfHard,  // the same but where routing is soft, which reads float32
};

// Matrices whose rows lie in one weight by turns: `rows` of the first, as many of the next ..., and of the
// first again. By default one matrix, with all rows.
struct RowTurns {
  std::int64_t matrices = 1;
  std::int64_t rows = 0;  // of a turn; 0: all that a matrix has
};

struct ParameterInfo {
  const std::string& name;  // the whole dotted path
  const Shape& shape;
  ParameterRole role;
  ModelPart part;
  Int8Form int8;
  RowTurns turns;
};

// Where a module lists its parameters: calls a visitor, which must outlive it, with the path of the module
// before each name. A visitor that throws ends the list, however many layers the options claim.
class ParameterList {
 public:
  using Visitor = FunctionRef<void(const ParameterInfo&)>;

  explicit ParameterList(Visitor visit) : visit_(visit) {}
  // Of one module alone: what its children list is passed over.
  static ParameterList without_children(Visitor visit);

  void add(const std::string& name, const Shape& shape, ParameterRole role,
           Int8Form int8 = Int8Form::kFloat32, RowTurns turns = {}) const;
  // For the parameters of a child, of the same part of the model or of another.
  ParameterList child(const std::string& name) const { return child(name, part_); }
  ParameterList child(const std::string& name, ModelPart part) const;

 private:
  enum class Reach { kAll, kOwn, kNothing };

  Visitor visit_;
  std::string prefix_;
  ModelPart part_ = ModelPart::kHead;
  Reach reach_ = Reach::kAll;
};

}  // namespace espalier::nn
