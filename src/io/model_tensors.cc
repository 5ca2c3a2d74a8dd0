#include "espalier/io/model_tensors.h"

#include "espalier/io/tensor_match.h"
#include "espalier/nn/masked_lm.h"

namespace espalier::io {

void visit_model_tensors(const nn::EncoderOptions& arch, const nn::ClassifierOptions* classifier,
                         TensorVisitor visit) {
  const auto one = [&](const nn::ParameterInfo& parameter) { visit(parameter.name, parameter.shape); };
  const nn::ParameterList list(one);
  if (classifier != nullptr) return nn::SequenceClassifier::describe(list, arch, *classifier);
  nn::MaskedLm::describe(list, arch);
}

void check_model_tensors(const nn::EncoderOptions& arch, const nn::ClassifierOptions* classifier,
                         std::span<const NamedTensor> tensors, const std::string& where) {
  TensorMatch match(tensors, where);
  visit_model_tensors(arch, classifier,
                      [&](const std::string& name, const Shape& shape) { match.take(name, shape); });
  match.require_all_taken(nn::describe(arch.ffn));
}

}  // namespace espalier::io
