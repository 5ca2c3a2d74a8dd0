#include "model/sequence_batches.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "espalier/base/error.h"

namespace espalier::model {

namespace {

constexpr std::size_t kBatch = 32;

IntTensor gather(const std::vector<Ids>& sequences, const std::vector<std::size_t>& rows) {
  const std::size_t length = sequences[rows[0]].size();
  IntTensor ids =
      IntTensor::empty({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(length)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::copy(sequences[rows[i]].begin(), sequences[rows[i]].end(), ids.data() + i * length);
  }
  return ids;
}

}  // namespace

void for_each_batch(const std::vector<Ids>& sequences,
                    const std::function<void(const std::vector<std::size_t>&, const IntTensor&)>& visit) {
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sequences[a].size() < sequences[b].size(); });
  for (std::size_t begin = 0; begin < order.size();) {
    std::vector<std::size_t> rows;
    while (begin < order.size() && rows.size() < kBatch &&
           (rows.empty() || sequences[order[begin]].size() == sequences[rows[0]].size())) {
      rows.push_back(order[begin++]);
    }
    visit(rows, gather(sequences, rows));
  }
}

void require_finite(std::span<const float> values, const std::string& model) {
  if (std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) return;
  throw RunError(model +
                 ": the model gives results that are not finite; its weights hold such values or overflow");
}

}  // namespace espalier::model
