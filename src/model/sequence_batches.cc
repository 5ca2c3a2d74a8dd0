#include "model/sequence_batches.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "espalier/base/error.h"

namespace espalier::model {

namespace {

constexpr std::size_t kBatch = 32;

using Ids = std::vector<std::int32_t>;

// Rows of equal length.
IntTensor gather(const std::vector<text::Encoding>& sequences, const std::vector<std::size_t>& rows,
                 Ids text::Encoding::*part) {
  const std::size_t length = (sequences[rows[0]].*part).size();
  IntTensor values =
      IntTensor::empty({static_cast<std::int64_t>(rows.size()), static_cast<std::int64_t>(length)});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Ids& row = sequences[rows[i]].*part;
    std::copy(row.begin(), row.end(), values.data() + i * length);
  }
  return values;
}

nn::Tokens tokens_of(const std::vector<text::Encoding>& sequences, const std::vector<std::size_t>& rows) {
  nn::Tokens tokens;
  tokens.ids = gather(sequences, rows, &text::Encoding::ids);
  if (!sequences[rows[0]].type_ids.empty()) tokens.types = gather(sequences, rows, &text::Encoding::type_ids);
  return tokens;
}

}  // namespace

void for_each_batch(const std::vector<text::Encoding>& sequences,
                    const std::function<void(const std::vector<std::size_t>&, const nn::Tokens&)>& visit) {
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return sequences[a].ids.size() < sequences[b].ids.size();
  });
  for (std::size_t begin = 0; begin < order.size();) {
    std::vector<std::size_t> rows;
    while (begin < order.size() && rows.size() < kBatch &&
           (rows.empty() || sequences[order[begin]].ids.size() == sequences[rows[0]].ids.size())) {
      rows.push_back(order[begin++]);
    }
    visit(rows, tokens_of(sequences, rows));
  }
}

void require_finite(std::span<const float> values, const std::string& model) {
  if (std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) return;
  throw RunError(model +
                 ": the model gives results that are not finite; its weights hold such values or overflow");
}

}  // namespace espalier::model
