// The only door to threads. Work is cut by a fixed grain, never by the thread count, so that results are
// bit-identical for any number of threads as long as each piece depends on its own range alone.
#pragma once

#include <cstdint>
#include <type_traits>

namespace espalier {

// A non-owning reference to a callable, for calls that end before the callable does.
template <class Signature>
class FunctionRef;

template <class Result, class... Arguments>
class FunctionRef<Result(Arguments...)> {
 public:
  template <class Callable, class = std::enable_if_t<!std::is_same_v<std::decay_t<Callable>, FunctionRef>>>
  FunctionRef(Callable&& callable)  // NOLINT: implicit by design
      : object_(const_cast<void*>(static_cast<const void*>(&callable))),
        call_([](void* object, Arguments... arguments) -> Result {
          return (*static_cast<std::remove_reference_t<Callable>*>(object))(
              static_cast<Arguments>(arguments)...);
        }) {}
  Result operator()(Arguments... arguments) const {
    return call_(object_, static_cast<Arguments>(arguments)...);
  }

 private:
  void* object_;
  Result (*call_)(void*, Arguments...);
};

// Cores this process may use: affinity mask and CPU quotas of control groups (of version 1 or 2) included, at
// least 1.
int available_cores();

// Sets how many threads parallel_for uses (>= 1); the default is available_cores(), or what is set as such.
void set_thread_count(int threads);
void set_default_thread_count(int threads);
int thread_count();
// What set_thread_count() was given; 0: it was not called.
int requested_threads();

// Calls body(begin, end) for the consecutive ranges [0, grain), [grain, 2 grain) ... of [0, count), on any
// thread and in any order. The ranges depend on `count` and `grain` only. Denormals are flushed to zero
// inside the body (they cost 10x) and the caller's mode is restored. Exceptions of the body reach the caller.
// Calls may be nested.
void parallel_for(std::int64_t count, std::int64_t grain, FunctionRef<void(std::int64_t, std::int64_t)> body);

// Flushes denormals to zero on this thread while alive.
class ScopedFlushToZero {
 public:
  ScopedFlushToZero();
  ~ScopedFlushToZero();
  ScopedFlushToZero(const ScopedFlushToZero&) = delete;
  ScopedFlushToZero& operator=(const ScopedFlushToZero&) = delete;

 private:
  unsigned saved_;
};

}  // namespace espalier
