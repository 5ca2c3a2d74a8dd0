// The tensors of a file against those that are wanted of it: every loader asks here.
#pragma once

#include <map>
#include <span>
#include <string>

#include "espalier/io/checkpoint.h"

namespace espalier::io {

// What is said of one that is missing or has another shape, with {where}, {name}, {shape} as wanted and
// {found}.
struct TensorMessages {
  const char* missing;
  const char* misshapen;
};
inline constexpr TensorMessages kWeightMessages = {
    "{where}: tensor `{name}` {shape} is missing",
    "{where}: tensor `{name}` must be {shape} for this architecture, found {found}"};

class TensorMatch {
 public:
  // `tensors` must outlive it. where: the file, for messages.
  TensorMatch(std::span<const NamedTensor> tensors, std::string where,
              const TensorMessages& messages = kWeightMessages);

  // One more, in bytes, whose shape is all that is asked for.
  void add(const std::string& name, const Shape& shape) { left_[name] = {nullptr, shape}; }

  // The tensor of that name, which is none in bytes. InputError if it is missing, was taken before, or has
  // another shape.
  const Tensor& take(const std::string& name, const Shape& shape);
  // The same without the tensor.
  void require(const std::string& name, const Shape& shape) { take_entry(name, shape); }
  // InputError naming the first by name that nobody took; `architecture` (where not empty) is said with it.
  void require_all_taken(const std::string& architecture = "") const;

 private:
  struct Entry {
    const Tensor* tensor;
    Shape shape;
  };
  Entry take_entry(const std::string& name, const Shape& shape);

  std::map<std::string, Entry> left_;
  std::string where_;
  TensorMessages messages_;
};

}  // namespace espalier::io
