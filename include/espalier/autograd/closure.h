// A callable that owns what it captured: std::function whose memory comes from the pool behind tensors, so
// that recording an operation asks the system for nothing. Moves, never copies.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "espalier/tensor/pool.h"

namespace espalier {

template <class Signature>
class Closure;

template <class Result, class... Arguments>
class Closure<Result(Arguments...)> {
 public:
  Closure() = default;
  template <class Callable,
            class = std::enable_if_t<std::is_invocable_r_v<Result, std::decay_t<Callable>&, Arguments...> &&
                                     !std::is_same_v<std::decay_t<Callable>, Closure>>>
  Closure(Callable&& callable)  // NOLINT: implicit by design
      : object_(pool_allocate_object(sizeof(std::decay_t<Callable>))) {
    using Stored = std::decay_t<Callable>;
    static_assert(alignof(Stored) <= 64);
    new (object_) Stored(std::forward<Callable>(callable));
    call_ = [](void* object, Arguments... arguments) -> Result {
      return (*static_cast<Stored*>(object))(static_cast<Arguments>(arguments)...);
    };
    destroy_ = [](void* object) {
      static_cast<Stored*>(object)->~Stored();
      pool_free_object(object, sizeof(Stored));
    };
  }
  Closure(Closure&& other) noexcept { swap(other); }
  Closure& operator=(Closure&& other) noexcept {
    Closure(std::move(other)).swap(*this);
    return *this;
  }
  ~Closure() {
    if (object_ != nullptr) destroy_(object_);
  }

  Result operator()(Arguments... arguments) const {
    return call_(object_, static_cast<Arguments>(arguments)...);
  }

 private:
  void swap(Closure& other) noexcept {
    std::swap(object_, other.object_);
    std::swap(call_, other.call_);
    std::swap(destroy_, other.destroy_);
  }

  void* object_ = nullptr;
  Result (*call_)(void*, Arguments...) = nullptr;
  void (*destroy_)(void*) = nullptr;
};

}  // namespace espalier
