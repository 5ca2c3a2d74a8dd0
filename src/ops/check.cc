#include "ops/check.h"

#include <fmt/format.h>

#include "espalier/base/error.h"

namespace espalier::ops {
namespace {

const char* axes(int rank) {
  return rank == 1 ? "axis" : "axes";
}

}  // namespace

void fail(const char* op, const std::string& message) {
  throw InputError(fmt::format("{}: {}", op, message));
}

void require_defined(const char* op, const char* argument, const Variable& variable) {
  if (!variable.defined()) fail(op, fmt::format("{} must be given, got an undefined variable", argument));
}

void require_shape(const char* op, const char* argument, const Shape& actual, const Shape& expected,
                   const char* why, const Shape& of) {
  if (actual == expected) return;
  fail(op,
       fmt::format("{} must be {} ({} {}), got {}", argument, expected.str(), why, of.str(), actual.str()));
}

void require_shape(const char* op, const char* argument, const Shape& actual, const Shape& expected,
                   const char* why) {
  if (actual == expected) return;
  fail(op, fmt::format("{} must be {} ({}), got {}", argument, expected.str(), why, actual.str()));
}

void require_rank(const char* op, const char* argument, const Shape& actual, int rank) {
  if (actual.rank() == rank) return;
  fail(op, fmt::format("{} must have {} {}, got {}", argument, rank, axes(rank), actual.str()));
}

void require_least_rank(const char* op, const char* argument, const Shape& actual, int rank) {
  if (actual.rank() >= rank) return;
  fail(op, fmt::format("{} must have at least {} {}, got {}", argument, rank, axes(rank), actual.str()));
}

int require_axis(const char* op, const char* argument, const Shape& actual, int axis) {
  const int rank = actual.rank();
  if (axis < -rank || axis >= rank) {
    fail(op, rank == 0 ? fmt::format("axis {} is outside {} [], which has no axes", axis, argument)
                       : fmt::format("axis {} is outside {} {} (axes {} to {})", axis, argument, actual.str(),
                                     -rank, rank - 1));
  }
  return axis < 0 ? axis + rank : axis;
}

void require_indices(const char* op, const char* argument, const IntTensor& indices, const char* of_name,
                     const Shape& of) {
  const std::int64_t count = of[0];
  for (std::int64_t i = 0; i < indices.size(); ++i) {
    const std::int64_t index = indices.data()[i];
    if (index >= 0 && index < count) continue;
    fail(op, count == 0
                 ? fmt::format("{}[{}] is {}, but {} {} has no rows", argument, i, index, of_name, of.str())
                 : fmt::format("{}[{}] is {}, but {} {} has rows 0 to {}", argument, i, index, of_name,
                               of.str(), count - 1));
  }
}

// "[1,17]": the place of a flat index.
static std::string place_of(const Shape& shape, std::int64_t flat) {
  std::string text = "]";
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    text = fmt::format("{}{}{}", axis > 0 ? "," : "", flat % shape[axis], text);
    flat /= shape[axis];
  }
  return "[" + text;
}

void require_targets(const char* op, const IntTensor& targets, std::int64_t count) {
  for (std::int64_t row = 0; row < targets.size(); ++row) {
    const std::int32_t target = targets.data()[row];
    if (target >= 0 && target < count) continue;
    fail(op, fmt::format("target {} of row {} is outside the vocabulary of {} entries (0 to {})", target, row,
                         count, count - 1));
  }
}

void require_site(const char* op, std::uint64_t site) {
  if (site >= std::uint64_t{1} << 18U) fail(op, fmt::format("key.site must be below 2^18, got {}", site));
}

void require_ids(const char* op, const IntTensor& ids, std::int64_t count) {
  ESPALIER_CHECK(ids.defined());
  for (std::int64_t i = 0; i < ids.size(); ++i) {
    const std::int32_t id = ids.data()[i];
    if (id >= 0 && id < count) continue;
    fail(op, fmt::format("id {} at position {} of ids {} is outside the vocabulary of {} entries (0 to {})",
                         id, place_of(ids.shape(), i), ids.shape().str(), count, count - 1));
  }
}

}  // namespace espalier::ops
