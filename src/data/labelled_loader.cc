#include "espalier/data/labelled_loader.h"

#include <algorithm>
#include <numeric>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/data/permutation.h"

namespace espalier::data {
namespace {

// Keeps the order of batches independent of the order of rows.
constexpr std::uint64_t kBatchOrderSalt = 0x9E3779B97F4A7C15U;

// Ids in rows of the longest length, and the mask that tells them from padding.
void pad(const std::vector<std::span<const std::int32_t>>& texts, std::int32_t pad_id, LabelledBatch& batch) {
  std::size_t longest = 0;
  for (const auto& text : texts) longest = std::max(longest, text.size());
  const Shape shape = {static_cast<std::int64_t>(texts.size()), static_cast<std::int64_t>(longest)};
  batch.ids = IntTensor::full(shape, pad_id);
  batch.mask = Tensor::zeros(shape);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::copy(texts[i].begin(), texts[i].end(), batch.ids.data() + i * longest);
    std::fill_n(batch.mask.data() + i * longest, texts[i].size(), 1.0F);
    batch.tokens += static_cast<std::int64_t>(texts[i].size());
  }
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

std::vector<std::int32_t> encode_texts(const text::Tokenizer& tokenizer, const std::string& text,
                                       const std::string& text_pair, std::int64_t max_length) {
  return tokenizer.encode_with_template(text, text_pair, static_cast<int>(max_length));
}

LabelledBatch encode_batch(const text::Tokenizer& tokenizer, std::span<const Example> texts,
                           std::int64_t max_length) {
  ESPALIER_CHECK(!texts.empty());
  const auto count = static_cast<std::int64_t>(texts.size());
  std::vector<std::vector<std::int32_t>> encoded(texts.size());
  parallel_for(count, 8, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      encoded[i] = encode_texts(tokenizer, texts[i].text, texts[i].text_pair, max_length);
    }
  });
  LabelledBatch batch;
  pad({encoded.begin(), encoded.end()}, tokenizer.pad_id(), batch);
  batch.rows = identity(count);
  return batch;
}

LabelledLoader::LabelledLoader(const text::Tokenizer& tokenizer, const LabelledData& data,
                               const LabelledLoaderOptions& options)
    : options_(options),
      pad_id_(tokenizer.pad_id()),
      has_labels_(data.has_labels),
      regression_(data.regression) {
  ESPALIER_CHECK(options.batch_size >= 1 && options.bucket_batches >= 1 && !data.rows.empty());
  const auto count = static_cast<std::int64_t>(data.rows.size());
  std::vector<std::vector<std::int32_t>> encoded(data.rows.size());
  std::vector<std::uint8_t> cut(data.rows.size(), 0);
  parallel_for(count, 64, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      const Example& row = data.rows[i];
      // One more than allowed tells a text that was cut from one that fits exactly.
      encoded[i] = encode_texts(tokenizer, row.text, row.text_pair,
                                options.max_length == 0 ? 0 : options.max_length + 1);
      if (options.max_length == 0 || static_cast<std::int64_t>(encoded[i].size()) <= options.max_length)
        continue;
      encoded[i] = encode_texts(tokenizer, row.text, row.text_pair, options.max_length);
      cut[i] = 1;
    }
  });
  truncated_ = std::accumulate(cut.begin(), cut.end(), std::int64_t{0});
  offsets_.push_back(0);
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    ids_.insert(ids_.end(), encoded[i].begin(), encoded[i].end());
    offsets_.push_back(static_cast<std::int64_t>(ids_.size()));
    encoded[i] = {};
    classes_.push_back(data.rows[i].label);
    values_.push_back(data.rows[i].value);
  }
}

std::int64_t LabelledLoader::batches() const {
  return (rows() + options_.batch_size - 1) / options_.batch_size;
}

std::span<const std::int32_t> LabelledLoader::ids_of(std::int64_t row) const {
  const std::int64_t begin = offsets_[static_cast<std::size_t>(row)];
  return std::span(ids_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(length_of(row)));
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

LabelledBatch LabelledLoader::batch(std::int64_t epoch, std::int64_t index) {
  ESPALIER_CHECK(epoch >= 0 && index >= 0 && index < batches());
  arrange(epoch);
  LabelledBatch result;
  std::vector<std::span<const std::int32_t>> texts;
  const auto [begin, end] = range_of(index);
  for (std::int64_t i = begin; i < end; ++i) {
    const std::int64_t row = order_[static_cast<std::size_t>(i)];
    result.rows.push_back(row);
    texts.push_back(ids_of(row));
    if (!has_labels_) continue;
    if (regression_) {
      result.values.push_back(values_[static_cast<std::size_t>(row)]);
    } else {
      result.classes.push_back(classes_[static_cast<std::size_t>(row)]);
    }
  }
  pad(texts, pad_id_, result);
  return result;
}

double LabelledLoader::padding_share(std::int64_t epoch) {
  arrange(epoch);
  std::int64_t positions = 0;
  for (std::int64_t index = 0; index < batches(); ++index) {
    const auto [begin, end] = range_of(index);
    std::int64_t longest = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      longest = std::max(longest, length_of(order_[static_cast<std::size_t>(i)]));
    }
    positions += longest * (end - begin);
  }
  return 1.0 - static_cast<double>(ids_.size()) / static_cast<double>(positions);
}

}  // namespace espalier::data
