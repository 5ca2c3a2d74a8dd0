// Which tensors a model has, without building it: files are checked against this before anything of their
// claimed sizes is allocated.
#pragma once

#include <span>
#include <string>

#include "espalier/base/parallel.h"
#include "espalier/io/checkpoint.h"
#include "espalier/nn/classifier.h"

namespace espalier::io {

using TensorVisitor = FunctionRef<void(const std::string& name, const Shape& shape)>;

// Every parameter of a masked LM (`classifier` null) or a sequence classifier, in the order of
// nn::Module::parameters(). A visitor that throws at a missing tensor ends the walk, however many layers the
// architecture claims. InputError: a tree with more nodes than can be counted.
void visit_model_tensors(const nn::EncoderOptions& arch, const nn::ClassifierOptions* classifier,
                         TensorVisitor visit);

// The same, with what else is known of each.
void visit_model_parameters(const nn::EncoderOptions& arch, const nn::ClassifierOptions* classifier,
                            nn::ParameterList::Visitor visit);

// Throws InputError if `tensors` and `bytes` are not exactly those, naming `where`, the first tensor that is
// missing, has another shape (both are given), or is unknown.
void check_model_tensors(const nn::EncoderOptions& arch, const nn::ClassifierOptions* classifier,
                         std::span<const NamedTensor> tensors, const std::string& where,
                         std::span<const NamedBytes> bytes = {});

}  // namespace espalier::io
