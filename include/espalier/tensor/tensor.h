// Tensors: contiguous, row-major arrays that share their buffer on copy. A copy is a second view of the same
// memory; clone() makes new memory. Memory comes from a pool that keeps freed blocks (tensor/pool.h), so that
// a steady-state training step asks the system for nothing.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "espalier/tensor/shape.h"

namespace espalier {

template <class Element>
class BasicTensor {
 public:
  // An undefined tensor: no shape, no memory. Only defined(), assignment and destruction make sense.
  BasicTensor() = default;

  // Uninitialised memory.
  static BasicTensor empty(const Shape& shape);
  static BasicTensor zeros(const Shape& shape);
  static BasicTensor full(const Shape& shape, Element value);
  // A copy of `values`, whose count must be shape.elements().
  static BasicTensor from(const Shape& shape, std::span<const Element> values);
  static BasicTensor from(const Shape& shape, std::initializer_list<Element> values) {
    return from(shape, std::span<const Element>(values.begin(), values.size()));
  }
  // Memory of shape.elements() elements that is there already, e.g. of a mapped file.
  static BasicTensor of_memory(const Shape& shape, std::shared_ptr<Element> memory);

  bool defined() const { return data_ != nullptr; }
  // Whether another tensor holds the same memory.
  bool shared() const { return data_.use_count() > 1; }
  const std::shared_ptr<Element>& memory() const { return data_; }
  const Shape& shape() const { return shape_; }
  std::int64_t size() const { return shape_.elements(); }
  Element* data() { return data_.get(); }
  const Element* data() const { return data_.get(); }
  std::span<Element> span() { return {data_.get(), static_cast<std::size_t>(size())}; }
  std::span<const Element> span() const { return {data_.get(), static_cast<std::size_t>(size())}; }
  std::vector<Element> to_vector() const { return {span().begin(), span().end()}; }

  // The same memory under another shape of as many elements.
  BasicTensor reshape(const Shape& shape) const;
  // The same memory, rows [begin, end) of the first axis.
  BasicTensor slice_rows(std::int64_t begin, std::int64_t end) const;
  BasicTensor clone() const;
  void fill(Element value);
  // Copies the elements of a tensor of the same shape into this memory, of which it must not be another part.
  void copy_from(const BasicTensor& other);

 private:
  Shape shape_;
  std::shared_ptr<Element> data_;
};

using Tensor = BasicTensor<float>;
using IntTensor = BasicTensor<std::int32_t>;
using ByteTensor = BasicTensor<std::int8_t>;
using Bfloat16Tensor = BasicTensor<std::uint16_t>;  // the upper halves of floats

extern template class BasicTensor<float>;
extern template class BasicTensor<std::int32_t>;
extern template class BasicTensor<std::uint16_t>;
extern template class BasicTensor<std::int8_t>;

}  // namespace espalier
