// Memory for the length of a call, from the pool behind tensors: in steady state nothing is asked from the
// system.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "espalier/tensor/pool.h"

namespace espalier::kernels {

// `count` uninitialised elements, aligned to a cache line. Moves, never copies.
template <class Element>
class Scratch {
  static_assert(std::is_trivially_copyable_v<Element>);

 public:
  Scratch() = default;
  explicit Scratch(std::int64_t count)
      : block_(pool_allocate(static_cast<std::size_t>(count) * sizeof(Element))), count_(count) {}
  Scratch(Scratch&&) noexcept = default;
  Scratch& operator=(Scratch&&) noexcept = default;

  std::int64_t size() const { return count_; }
  Element* data() { return static_cast<Element*>(block_.get()); }
  const Element* data() const { return static_cast<const Element*>(block_.get()); }
  Element& operator[](std::int64_t i) { return data()[i]; }
  const Element& operator[](std::int64_t i) const { return data()[i]; }

 private:
  std::shared_ptr<void> block_;
  std::int64_t count_ = 0;
};

}  // namespace espalier::kernels
