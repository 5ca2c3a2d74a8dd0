// Where a kernel leaves a result: mostly a gradient, which its variable may already hold a part of.
#pragma once

#include <cstdint>

namespace espalier {

// The kernel overwrites what is at `data`, or adds to it with `accumulate`. A null one asks for nothing,
// where the kernel allows it: the gradient that nobody wants.
struct Destination {
  float* data = nullptr;
  bool accumulate = false;

  Destination() = default;
  // A plain pointer is overwritten.
  Destination(float* to, bool adds = false) : data(to), accumulate(adds) {}

  bool wanted() const { return data != nullptr; }
  // The place `elements` further on; nowhere stays nowhere.
  Destination operator+(std::int64_t elements) const {
    return {data == nullptr ? nullptr : data + elements, accumulate};
  }
  // The same place for what comes after a first contribution, if there was one.
  Destination after(bool first) const { return {data, accumulate || first}; }
};

}  // namespace espalier
