#include "espalier/ops/embedding.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "kernels/embedding.h"
#include "ops/check.h"
#include "ops/slots.h"

namespace espalier::ops {
namespace {

constexpr const char* kEmbedding = "embedding";

// "[1,17]": the place of a flat index.
std::string place(const Shape& shape, std::int64_t flat) {
  std::string text = "]";
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    text = fmt::format("{}{}{}", axis > 0 ? "," : "", flat % shape[axis], text);
    flat /= shape[axis];
  }
  return "[" + text;
}

void check(const IntTensor& ids, const Variable& table) {
  ESPALIER_CHECK(ids.defined());
  require_defined(kEmbedding, "table", table);
  require_rank(kEmbedding, "table", table.shape(), 2);
  const std::int64_t rows = table.shape()[0];
  for (std::int64_t i = 0; i < ids.size(); ++i) {
    const std::int32_t id = ids.data()[i];
    if (id >= 0 && id < rows) continue;
    fail(kEmbedding,
         fmt::format("id {} at position {} of ids {} is outside the vocabulary of {} entries (0 to {})", id,
                     place(ids.shape(), i), ids.shape().str(), rows, rows - 1));
  }
}

}  // namespace

Variable embedding(const IntTensor& ids, const Variable& table, std::int64_t padding_id) {
  check(ids, table);
  const std::int64_t rows = table.shape()[0];
  const std::int64_t width = table.shape()[1];
  Tensor y = Tensor::empty(ids.shape().appended(width));
  kernels::embedding(ids.size(), width, ids.data(), table.value().data(), y.data());
  return record(kEmbedding, std::move(y), {table},
                [ids, rows, width, padding_id](const Tensor& dy, std::span<Variable> in) {
                  const Destination dtable = in[0].grad_slot();  // [rows, width]
                  kernels::embedding_backward(ids.size(), width, ids.data(), padding_id, dy.data(), rows,
                                              dtable);
                });
}

}  // namespace espalier::ops
