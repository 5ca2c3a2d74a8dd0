#include "model/sequence_batches.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "espalier/base/error.h"
#include "espalier/io/checkpoint.h"
#include "espalier/model/loaded_model.h"

namespace espalier::model {

namespace {

using Ids = std::vector<std::int32_t>;

nn::Tokens pack(const std::vector<text::Encoding>& sequences, const std::vector<std::size_t>& rows) {
  Ids ids, types, first_rows = {0};
  for (const std::size_t row : rows) {
    const text::Encoding& sequence = sequences[row];
    ids.insert(ids.end(), sequence.ids.begin(), sequence.ids.end());
    types.insert(types.end(), sequence.type_ids.begin(), sequence.type_ids.end());
    first_rows.push_back(static_cast<std::int32_t>(ids.size()));
  }
  const auto tensor = [](const Ids& values) {
    return IntTensor::from({static_cast<std::int64_t>(values.size())}, values);
  };
  nn::Tokens tokens;
  tokens.ids = tensor(ids);
  tokens.first_rows = tensor(first_rows);
  if (!types.empty()) tokens.types = tensor(types);
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
    std::size_t tokens = 0;
    while (begin < order.size() &&
           (rows.empty() || tokens + sequences[order[begin]].ids.size() <= kBatchTokens)) {
      tokens += sequences[order[begin]].ids.size();
      rows.push_back(order[begin++]);
    }
    visit(rows, pack(sequences, rows));
  }
}

void require_finite(std::span<const float> values, LoadedModel& model) {
  if (std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) return;
  std::vector<io::NamedTensor> weights;
  for (const nn::NamedParameter& parameter : model.module().parameters()) {
    if (!model.in_bytes.contains(parameter.name))
      weights.push_back({parameter.name, parameter.value.value()});
  }
  const std::vector<std::string> names = io::tensors_not_finite(weights);
  throw RunError(fmt::format(
      "{}: the model gives results that are not finite: {}", model.source.string(),
      names.empty()
          ? "its weights are, and products of them overflow"
          : fmt::format("the weight `{}` holds inf or NaN; the model is damaged, or its training had "
                        "diverged when it was saved: get another copy, or an earlier checkpoint",
                        names.front())));
}

}  // namespace espalier::model
