#include "espalier/tensor/shape.h"

#include <algorithm>
#include <limits>
#include <new>

#include "espalier/base/error.h"

namespace espalier {

// Their bytes are still a number.
static constexpr std::int64_t kMostElements = std::numeric_limits<std::int64_t>::max() / 16;

Shape::Shape(std::span<const std::int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  ESPALIER_CHECK(rank_ <= kMaxRank);
  for (const std::int64_t extent : extents) ESPALIER_CHECK(extent >= 0);
  std::copy(extents.begin(), extents.end(), extents_.begin());
}

std::int64_t Shape::operator[](int axis) const {
  const int index = axis < 0 ? axis + rank_ : axis;
  ESPALIER_CHECK(index >= 0 && index < rank_);
  return extents_[static_cast<std::size_t>(index)];
}

// std::bad_alloc where no memory could hold so many: a product that wrapped around would be a block of a few
// bytes, which is then filled to its shape.
std::int64_t Shape::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : extents()) {
    if (__builtin_mul_overflow(product, extent, &product) || product > kMostElements) throw std::bad_alloc();
  }
  return product;
}

std::int64_t Shape::rows() const {
  std::int64_t product = 1;
  for (int axis = 0; axis + 1 < rank_; ++axis) product *= (*this)[axis];
  return product;
}

Shape Shape::with_last(std::int64_t extent) const {
  return with_extent(-1, extent);
}

Shape Shape::with_extent(int axis, std::int64_t extent) const {
  const int index = axis < 0 ? axis + rank_ : axis;
  ESPALIER_CHECK(index >= 0 && index < rank_ && extent >= 0);
  Shape result = *this;
  result.extents_[static_cast<std::size_t>(index)] = extent;
  return result;
}

Shape Shape::appended(std::int64_t extent) const {
  ESPALIER_CHECK(rank_ < kMaxRank && extent >= 0);
  Shape result = *this;
  result.extents_[static_cast<std::size_t>(result.rank_++)] = extent;
  return result;
}

std::string Shape::str() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) text += ",";
    text += std::to_string((*this)[axis]);
  }
  return text + "]";
}

}  // namespace espalier
