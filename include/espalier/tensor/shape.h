// The extents of a tensor, outermost first.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace espalier {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents)
      : Shape(std::span<const std::int64_t>(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  // Extent of an axis; negative axes count from the end.
  std::int64_t operator[](int axis) const;
  // Product of all extents; 1 for a scalar (rank 0).
  std::int64_t elements() const;
  // Product of all extents but the last: the rows of a row-major matrix view. 1 for rank 0.
  std::int64_t rows() const;
  // The last extent; 1 for rank 0.
  std::int64_t columns() const { return rank_ == 0 ? 1 : (*this)[-1]; }
  // The same shape with the last extent replaced. Rank must be at least 1.
  Shape with_last(std::int64_t extent) const;
  std::span<const std::int64_t> extents() const { return {extents_.data(), static_cast<std::size_t>(rank_)}; }
  // The same shape with the extent of one axis replaced; negative axes count from the end.
  Shape with_extent(int axis, std::int64_t extent) const;
  // The same shape with one more axis, the last.
  Shape appended(std::int64_t extent) const;
  // "[32,128,512]"
  std::string str() const;

  friend bool operator==(const Shape& a, const Shape& b) = default;

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

}  // namespace espalier
