#include "espalier/io/model_tensors.h"

#include "espalier/io/tensor_match.h"
#include "espalier/nn/masked_lm.h"

namespace espalier::io {

void visit_model_parameters(const nn::EncoderOptions& arch, const nn::ClassifierOptions* classifier,
                            nn::ParameterList::Visitor visit) {
  const nn::ParameterList list(visit);
  if (classifier != nullptr) return nn::SequenceClassifier::describe(list, arch, *classifier);
  nn::MaskedLm::describe(list, arch);
}

void visit_model_tensors(const nn::EncoderOptions& arch, const nn::ClassifierOptions* classifier,
                         TensorVisitor visit) {
  visit_model_parameters(arch, classifier,
                         [&](const nn::ParameterInfo& parameter) { visit(parameter.name, parameter.shape); });
}

void check_model_tensors(const nn::EncoderOptions& arch, const nn::ClassifierOptions* classifier,
                         std::span<const NamedTensor> tensors, const std::string& where,
                         std::span<const NamedBytes> bytes) {
  TensorMatch match(tensors, where);
  for (const NamedBytes& one : bytes) match.add(one.name, one.value.shape());
  visit_model_tensors(arch, classifier,
                      [&](const std::string& name, const Shape& shape) { match.require(name, shape); });
  match.require_all_taken(nn::describe(arch.ffn));
}

}  // namespace espalier::io
