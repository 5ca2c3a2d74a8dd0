#include "espalier/ops/embedding.h"

#include "espalier/base/error.h"
#include "kernels/embedding.h"
#include "ops/check.h"
#include "ops/slots.h"

namespace espalier::ops {
namespace {

constexpr const char* kEmbedding = "embedding";

void check(const IntTensor& ids, const Variable& table) {
  require_defined(kEmbedding, "table", table);
  require_rank(kEmbedding, "table", table.shape(), 2);
  require_ids(kEmbedding, ids, table.shape()[0]);
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
                  const UnwrittenRows unwritten = dtable.accumulate ? nullptr : marks_of_rows(rows);
                  kernels::embedding_backward(ids.size(), width, ids.data(), padding_id, dy.data(), rows,
                                              dtable, unwritten ? unwritten->data() : nullptr);
                  if (unwritten) in[0].leave_unwritten(unwritten);
                });
}

}  // namespace espalier::ops
