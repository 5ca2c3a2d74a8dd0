#include "espalier/data/labelled_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/data/permutation.h"

namespace espalier::data {
namespace {

// Keeps the order of batches independent of the order of rows.
constexpr std::uint64_t kBatchOrderSalt = 0x9E3779B97F4A7C15U;

using Sequences = std::vector<std::span<const std::int32_t>>;

// Sequences as rows of the longest length.
IntTensor padded(const Sequences& sequences, std::int32_t padding) {
  std::size_t longest = 0;
  for (const auto& sequence : sequences) longest = std::max(longest, sequence.size());
  IntTensor result = IntTensor::full(
      {static_cast<std::int64_t>(sequences.size()), static_cast<std::int64_t>(longest)}, padding);
  for (std::size_t i = 0; i < sequences.size(); ++i) {
    std::copy(sequences[i].begin(), sequences[i].end(), result.data() + i * longest);
  }
  return result;
}

// Ids in rows of the longest length, and the mask that tells them from padding.
void pad(const Sequences& ids, const Sequences& types, std::int32_t pad_id, nn::Tokens& tokens) {
  tokens.ids = padded(ids, pad_id);
  if (!types.empty()) tokens.types = padded(types, 0);
  tokens.mask = Tensor::zeros(tokens.ids.shape());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::fill_n(tokens.mask.data() + static_cast<std::int64_t>(i) * tokens.ids.shape()[1], ids[i].size(),
                1.0F);
  }
}

// All one after the other, [N].
IntTensor concatenated(const Sequences& sequences, std::int64_t count) {
  IntTensor result = IntTensor::empty({count});
  std::int32_t* next = result.data();
  for (const auto& sequence : sequences) next = std::copy(sequence.begin(), sequence.end(), next);
  return result;
}

void pack(const Sequences& ids, const Sequences& types, std::int64_t count, nn::Tokens& tokens) {
  tokens.ids = concatenated(ids, count);
  if (!types.empty()) tokens.types = concatenated(types, count);
  tokens.first_rows = IntTensor::zeros({static_cast<std::int64_t>(ids.size()) + 1});
  for (std::size_t i = 0; i < ids.size(); ++i) {
    tokens.first_rows.data()[i + 1] = tokens.first_rows.data()[i] + static_cast<std::int32_t>(ids[i].size());
  }
}

// Elements begin .. end - 1 of [N]; undefined where there are none at all.
IntTensor elements(const IntTensor& all, std::int64_t begin, std::int64_t end) {
  if (!all.defined()) return all;
  return IntTensor::from({end - begin}, all.span().subspan(static_cast<std::size_t>(begin),
                                                           static_cast<std::size_t>(end - begin)));
}

// Sequences begin .. end - 1.
nn::Tokens sequences_of(const nn::Tokens& tokens, std::int64_t begin, std::int64_t end) {
  nn::Tokens part;
  if (!tokens.packed()) {
    part.ids = tokens.ids.slice_rows(begin, end);
    if (tokens.mask.defined()) part.mask = tokens.mask.slice_rows(begin, end);
    if (tokens.types.defined()) part.types = tokens.types.slice_rows(begin, end);
    return part;
  }
  const std::int32_t* rows = tokens.first_rows.data();
  part.ids = elements(tokens.ids, rows[begin], rows[end]);
  part.types = elements(tokens.types, rows[begin], rows[end]);
  part.first_rows = elements(tokens.first_rows, begin, end + 1);
  for (std::int32_t& row : part.first_rows.span()) row -= rows[begin];
  return part;
}

template <class Value>
std::vector<Value> values_of(const std::vector<Value>& all, std::int64_t begin, std::int64_t end) {
  if (all.empty()) return {};
  return {all.begin() + begin, all.begin() + end};
}

std::vector<std::int64_t> identity(std::int64_t size) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(size));
  std::iota(order.begin(), order.end(), 0);
  return order;
}

std::vector<std::int64_t> permuted(std::uint64_t seed, std::int64_t epoch, std::int64_t size) {
  std::vector<std::int64_t> order = identity(size);
  const KeyedPermutation permutation(seed, static_cast<std::uint64_t>(epoch), size);
  for (std::int64_t& element : order) element = permutation(element);
  return order;
}

}  // namespace

LabelledLoader::LabelledLoader(const text::Tokenizer& tokenizer, const LabelledData& data,
                               const LabelledLoaderOptions& options)
    : options_(options),
      pad_id_(tokenizer.pad_id()),
      has_labels_(data.has_labels),
      regression_(data.regression) {
  ESPALIER_CHECK(options.batch_size >= 1 && options.bucket_batches >= 1 && !data.rows.empty());
  const auto count = static_cast<std::int64_t>(data.rows.size());
  std::vector<text::Encoding> encoded(data.rows.size());
  std::vector<std::uint8_t> cut(data.rows.size(), 0);
  parallel_for(count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const Example& row = data.rows[i];
      const auto encode = [&](std::int64_t max_length) {
        return model::encode_texts(tokenizer, row.text,
                                   data.pairs ? std::optional<std::string_view>(row.text_pair) : std::nullopt,
                                   options.encoding, max_length);
      };
      // One more than allowed tells a text that was cut from one that fits exactly.
      encoded[i] = encode(options.max_length == 0 ? 0 : options.max_length + 1);
      if (options.max_length == 0 || static_cast<std::int64_t>(encoded[i].ids.size()) <= options.max_length)
        continue;
      encoded[i] = encode(options.max_length);
      cut[i] = 1;
    }
  });
  truncated_ = std::accumulate(cut.begin(), cut.end(), std::int64_t{0});
  offsets_.push_back(0);
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    if (encoded[i].ids.empty()) {
      throw InputError(
          fmt::format("{}: line {}: the tokenizer makes no token of this text; leave the row out",
                      data.source.string(), data.rows[i].line));
    }
    ids_.insert(ids_.end(), encoded[i].ids.begin(), encoded[i].ids.end());
    types_.insert(types_.end(), encoded[i].type_ids.begin(), encoded[i].type_ids.end());
    offsets_.push_back(static_cast<std::int64_t>(ids_.size()));
    encoded[i] = {};
    classes_.push_back(data.rows[i].label);
    values_.push_back(data.rows[i].value);
  }
}

std::int64_t LabelledLoader::batches() const {
  return (rows() + options_.batch_size - 1) / options_.batch_size;
}

std::span<const std::int32_t> LabelledLoader::part_of(const std::vector<std::int32_t>& all,
                                                      std::int64_t row) const {
  const std::int64_t begin = offsets_[static_cast<std::size_t>(row)];
  return std::span(all).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(length_of(row)));
}

std::int64_t LabelledLoader::length_of(std::int64_t row) const {
  return offsets_[static_cast<std::size_t>(row) + 1] - offsets_[static_cast<std::size_t>(row)];
}

void LabelledLoader::arrange(std::int64_t epoch) {
  if (!options_.shuffle) epoch = 0;
  if (arranged_epoch_ == epoch) return;
  arranged_epoch_ = epoch;
  order_ = options_.shuffle ? permuted(options_.seed, epoch, rows()) : identity(rows());
  batch_order_ = identity(batches());
  if (!options_.bucket_by_length) return;
  const std::int64_t bucket = options_.bucket_batches * options_.batch_size;
  for (std::int64_t begin = 0; begin < rows(); begin += bucket) {
    const std::int64_t end = std::min(rows(), begin + bucket);
    std::stable_sort(order_.begin() + begin, order_.begin() + end,
                     [&](std::int64_t a, std::int64_t b) { return length_of(a) > length_of(b); });
  }
  if (options_.shuffle) batch_order_ = permuted(options_.seed ^ kBatchOrderSalt, epoch, batches());
}

std::pair<std::int64_t, std::int64_t> LabelledLoader::range_of(std::int64_t index) const {
  const std::int64_t begin = batch_order_[static_cast<std::size_t>(index)] * options_.batch_size;
  return {begin, std::min(rows(), begin + options_.batch_size)};
}

LabelledBatch part_of(const LabelledBatch& batch, std::int64_t first, std::int64_t count) {
  const std::int64_t end = first + count;
  ESPALIER_CHECK(first >= 0 && end <= batch.size());
  return {.tokens = sequences_of(batch.tokens, first, end),
          .classes = values_of(batch.classes, first, end),
          .values = values_of(batch.values, first, end),
          .rows = values_of(batch.rows, first, end),
          .real_tokens = batch.real_tokens};
}

LabelledBatch LabelledLoader::batch(std::int64_t epoch, std::int64_t index) {
  ESPALIER_CHECK(epoch >= 0 && index >= 0 && index < batches());
  arrange(epoch);
  LabelledBatch result;
  Sequences texts, types;
  const auto [begin, end] = range_of(index);
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t row = order_[static_cast<std::size_t>(i)];
    result.rows.push_back(row);
    texts.push_back(part_of(ids_, row));
    if (options_.encoding.types) types.push_back(part_of(types_, row));
    if (!has_labels_) continue;
    if (regression_) {
      result.values.push_back(values_[static_cast<std::size_t>(row)]);
    } else {
      result.classes.push_back(classes_[static_cast<std::size_t>(row)]);
    }
  }
  for (const auto& text : texts) result.real_tokens += static_cast<std::int64_t>(text.size());
  if (options_.padded) {
    pad(texts, types, pad_id_, result.tokens);
  } else {
    pack(texts, types, result.real_tokens, result.tokens);
  }
  return result;
}

}  // namespace espalier::data
