#include "espalier/tensor/tensor.h"

#include <algorithm>
#include <utility>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/tensor/pool.h"
#include "tensor/zeroed_block.h"

namespace espalier {

static constexpr std::int64_t kGrain = 1 << 16;  // elements of a task that fills or copies

template <class Element>
static std::size_t bytes_of(const Shape& shape) {
  return static_cast<std::size_t>(shape.elements()) * sizeof(Element);
}

template <class Element>
BasicTensor<Element> BasicTensor<Element>::empty(const Shape& shape) {
  BasicTensor tensor;
  tensor.shape_ = shape;
  const std::size_t bytes = bytes_of<Element>(shape);
  const std::shared_ptr<void> block = sizeof(Element) == 2 ? pool_allocate_half(bytes) : pool_allocate(bytes);
  tensor.data_ = std::shared_ptr<Element>(block, static_cast<Element*>(block.get()));
  return tensor;
}

template <class Element>
BasicTensor<Element> BasicTensor<Element>::zeros(const Shape& shape) {
  if (sizeof(Element) == 2) return full(shape, Element{0});  // in halves of blocks
  BasicTensor tensor;
  tensor.shape_ = shape;
  const PoolBlock block = pool_allocate_block(bytes_of<Element>(shape));
  tensor.data_ = std::shared_ptr<Element>(block.memory, static_cast<Element*>(block.memory.get()));
  if (!block.is_zero) tensor.fill(Element{0});
  return tensor;
}

template <class Element>
BasicTensor<Element> BasicTensor<Element>::full(const Shape& shape, Element value) {
  BasicTensor tensor = empty(shape);
  tensor.fill(value);
  return tensor;
}

template <class Element>
BasicTensor<Element> BasicTensor<Element>::from(const Shape& shape, std::span<const Element> values) {
  ESPALIER_CHECK(static_cast<std::int64_t>(values.size()) == shape.elements());
  BasicTensor tensor = empty(shape);
  std::copy(values.begin(), values.end(), tensor.data());
  return tensor;
}

template <class Element>
BasicTensor<Element> BasicTensor<Element>::of_memory(const Shape& shape, std::shared_ptr<Element> memory) {
  ESPALIER_CHECK(memory != nullptr);
  BasicTensor tensor;
  tensor.shape_ = shape;
  tensor.data_ = std::move(memory);
  return tensor;
}

template <class Element>
BasicTensor<Element> BasicTensor<Element>::reshape(const Shape& shape) const {
  ESPALIER_CHECK(defined() && shape.elements() == size());
  BasicTensor view = *this;
  view.shape_ = shape;
  return view;
}

template <class Element>
BasicTensor<Element> BasicTensor<Element>::slice_rows(std::int64_t begin, std::int64_t end) const {
  ESPALIER_CHECK(defined() && shape_.rank() >= 1 && 0 <= begin && begin <= end && end <= shape_[0]);
  const std::int64_t stride = shape_[0] == 0 ? 0 : size() / shape_[0];
  BasicTensor view;
  view.shape_ = shape_.with_extent(0, end - begin);
  view.data_ = std::shared_ptr<Element>(data_, data_.get() + begin * stride);
  return view;
}

template <class Element>
BasicTensor<Element> BasicTensor<Element>::clone() const {
  ESPALIER_CHECK(defined());
  BasicTensor copy = empty(shape_);
  copy.copy_from(*this);
  return copy;
}

template <class Element>
void BasicTensor<Element>::fill(Element value) {
  Element* const to = data();
  parallel_for(size(), kGrain,
               [&](std::int64_t begin, std::int64_t end) { std::fill(to + begin, to + end, value); });
}

template <class Element>
void BasicTensor<Element>::copy_from(const BasicTensor& other) {
  ESPALIER_CHECK(defined() && other.defined() && shape_ == other.shape_);
  const Element* const from = other.data();
  Element* const to = data();
  parallel_for(size(), kGrain, [&](std::int64_t begin, std::int64_t end) {
    std::copy(from + begin, from + end, to + begin);
  });
}

template class BasicTensor<float>;
template class BasicTensor<std::int32_t>;
template class BasicTensor<std::uint16_t>;
template class BasicTensor<std::int8_t>;

}  // namespace espalier
