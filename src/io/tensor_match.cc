#include "espalier/io/tensor_match.h"

#include <fmt/format.h>

#include "espalier/base/error.h"

namespace espalier::io {

TensorMatch::TensorMatch(std::span<const NamedTensor> tensors, std::string where,
                         const TensorMessages& messages)
    : where_(std::move(where)), messages_(messages) {
  for (const NamedTensor& tensor : tensors) left_[tensor.name] = {&tensor.value, tensor.value.shape()};
}

TensorMatch::Entry TensorMatch::take_entry(const std::string& name, const Shape& shape) {
  const auto fail = [&](const char* message, const std::string& found) {
    throw InputError(fmt::format(fmt::runtime(message), fmt::arg("where", where_), fmt::arg("name", name),
                                 fmt::arg("shape", shape.str()), fmt::arg("found", found)));
  };
  const auto at = left_.find(name);
  if (at == left_.end()) fail(messages_.missing, "");
  const Entry entry = at->second;
  if (entry.shape != shape) fail(messages_.misshapen, entry.shape.str());
  left_.erase(at);
  return entry;
}

const Tensor& TensorMatch::take(const std::string& name, const Shape& shape) {
  return *take_entry(name, shape).tensor;
}

void TensorMatch::require_all_taken(const std::string& architecture) const {
  if (left_.empty()) return;
  const auto& [name, entry] = *left_.begin();
  std::string which = architecture;
  if (!which.empty() && left_.size() > 1) which += fmt::format("; nor do {} others", left_.size() - 1);
  if (!which.empty()) which = " (" + which + ")";
  throw InputError(fmt::format("{}: tensor `{}` {} does not belong to this architecture{}", where_, name,
                               entry.shape.str(), which));
}

}  // namespace espalier::io
