// ctest-label: threads
#include "espalier/data/labelled_loader.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/base/philox.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::Ids;
constexpr std::int32_t kPad = 0, kCls = 4, kSep = 5;

// Letters a .. z are words of ids 7 .. 32.
text::Tokenizer letters() {
  std::vector<std::string> vocabulary = text::crammed_bert_special_tokens();
  for (char c = 'a'; c <= 'z'; ++c) vocabulary.emplace_back(1, c);
  return text::Tokenizer(text::crammed_bert_tokenizer(std::move(vocabulary)));
}

LabelledData labelled_texts(const std::vector<std::string>& texts,
                            const std::vector<std::string>& pairs = {}) {
  LabelledData data;
  data.has_labels = true;
  data.pairs = !pairs.empty();
  data.labels = LabelSet({"no", "yes"});
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Example row;
    row.text = texts[i];
    if (data.pairs) row.text_pair = pairs[i];
    row.label = static_cast<std::int32_t>(i % 2);
    row.value = 0.5F * static_cast<float>(i);
    data.rows.push_back(row);
  }
  return data;
}

// `count` texts of 1 to 40 letters.
LabelledData many(std::size_t count) {
  const Philox random(4, RandomStream::kTest);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = "a";
    for (std::uint32_t n = random.below(i, 40); n > 0; --n) text += " b";
    texts.push_back(text);
  }
  return labelled_texts(texts);
}

LabelledLoaderOptions loader_options(std::int64_t batch_size, bool shuffle = false, bool buckets = false) {
  LabelledLoaderOptions options;
  options.batch_size = batch_size;
  options.shuffle = shuffle;
  options.bucket_by_length = buckets;
  options.seed = 11;
  options.padded = true;
  return options;
}

std::vector<std::int64_t> epoch_rows(LabelledLoader& batches, std::int64_t epoch) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < batches.batches(); ++i) {
    const LabelledBatch batch = batches.batch(epoch, i);
    rows.insert(rows.end(), batch.rows.begin(), batch.rows.end());
  }
  return rows;
}

// Of all positions of an epoch's padded batches.
double padding_share(LabelledLoader& batches, std::int64_t epoch) {
  std::int64_t tokens = 0, positions = 0;
  for (std::int64_t i = 0; i < batches.batches(); ++i) {
    const LabelledBatch batch = batches.batch(epoch, i);
    tokens += batch.real_tokens;
    positions += batch.tokens.ids.size();
  }
  return 1.0 - static_cast<double>(tokens) / static_cast<double>(positions);
}

bool is_complete(std::vector<std::int64_t> rows, std::int64_t count) {
  std::sort(rows.begin(), rows.end());
  for (std::int64_t i = 0; i < count; ++i) {
    if (rows.at(static_cast<std::size_t>(i)) != i) return false;
  }
  return static_cast<std::int64_t>(rows.size()) == count;
}

}  // namespace

TEST_CASE("single texts are pairs with an empty second part; batches are padded to their longest") {
  const text::Tokenizer tokenizer = letters();
  LabelledLoader batches(tokenizer, labelled_texts({"a b", "c", "d e f"}), loader_options(2));
  CHECK(batches.batches() == 2);
  const LabelledBatch first = batches.batch(0, 0);
  CHECK(first.tokens.ids.shape() == Shape{2, 5});
  CHECK(first.tokens.ids.to_vector() == Ids{kCls, 7, 8, kSep, kSep, kCls, 9, kSep, kSep, kPad});
  CHECK(first.tokens.mask.to_vector() == std::vector<float>{1, 1, 1, 1, 1, 1, 1, 1, 1, 0});
  CHECK(first.classes == Ids{0, 1});
  CHECK(first.values.empty());
  CHECK(first.rows == std::vector<std::int64_t>{0, 1});
  CHECK(first.real_tokens == 9);
  const LabelledBatch last = batches.batch(0, 1);
  CHECK(last.tokens.ids.shape() == Shape{1, 6});
  CHECK(last.size() == 1);
  CHECK(last.real_tokens == 6);
}

TEST_CASE("packed batches hold the tokens alone, with where each text begins and their types") {
  text::TokenizerModel model = letters().model();
  for (std::size_t i = 3; i < model.pair.pieces.size(); ++i) model.pair.pieces[i].type_id = 1;
  const text::Tokenizer tokenizer(model);
  LabelledLoaderOptions options = loader_options(2);
  options.padded = false;
  options.encoding = {.types = true, .empty_pair = false};
  LabelledLoader singles(tokenizer, labelled_texts({"a b", "c"}), options);
  const nn::Tokens texts = singles.batch(0, 0).tokens;
  CHECK(texts.ids.to_vector() == Ids{7, 8, kSep, 9, kSep});
  CHECK(texts.first_rows.to_vector() == Ids{0, 3, 5});
  CHECK(texts.types.to_vector() == Ids{0, 0, 0, 0, 0});
  CHECK_FALSE(texts.mask.defined());
  CHECK(singles.batch(0, 0).real_tokens == 5);
  LabelledLoader pairs(tokenizer, labelled_texts({"a", "b"}, {"c d", ""}), options);
  const nn::Tokens both = pairs.batch(0, 0).tokens;
  CHECK(both.ids.to_vector() == Ids{kCls, 7, kSep, 9, 10, kSep, kCls, 8, kSep, kSep});
  CHECK(both.first_rows.to_vector() == Ids{0, 6, 10});
  CHECK(both.types.to_vector() == Ids{0, 0, 0, 1, 1, 1, 0, 0, 0, 1});
}

TEST_CASE("pairs, and the longer part is cut first") {
  const text::Tokenizer tokenizer = letters();
  LabelledLoaderOptions options = loader_options(4);
  options.max_length = 7;
  LabelledLoader batches(tokenizer, labelled_texts({"a", "a b c d e"}, {"b c d", "x"}), options);
  const LabelledBatch batch = batches.batch(0, 0);
  CHECK(batch.tokens.ids.to_vector() == Ids{kCls, 7, kSep, 8, 9, 10, kSep, kCls, 7, 8, 9, kSep, 30, kSep});
  CHECK(batches.truncated() == 1);
}

TEST_CASE("a limit that the template alone exceeds") {
  const text::Tokenizer tokenizer = letters();
  LabelledLoaderOptions options = loader_options(4);
  options.max_length = 2;
  CHECK_FALSE(testing::error_of([&] {
                LabelledLoader(tokenizer, labelled_texts({"a", "b"}), options);
              }).empty());
}

TEST_CASE("regressions have values, test files have neither") {
  const text::Tokenizer tokenizer = letters();
  LabelledData data = labelled_texts({"a", "b", "c"});
  data.regression = true;
  LabelledLoader values(tokenizer, data, loader_options(3));
  CHECK(values.batch(0, 0).values == std::vector<float>{0.0F, 0.5F, 1.0F});
  CHECK(values.batch(0, 0).classes.empty());
  data.has_labels = false;
  LabelledLoader none(tokenizer, data, loader_options(3));
  CHECK(none.batch(0, 0).values.empty());
}

TEST_CASE("shuffling: each epoch has every row once, in an order keyed by seed and epoch") {
  const text::Tokenizer tokenizer = letters();
  const LabelledData data = many(101);
  LabelledLoader batches(tokenizer, data, loader_options(8, true));
  const auto first = epoch_rows(batches, 0);
  const auto second = epoch_rows(batches, 1);
  CHECK(is_complete(first, 101));
  CHECK(is_complete(second, 101));
  CHECK(first != second);
  CHECK(epoch_rows(batches, 0) == first);
  LabelledLoader given(tokenizer, data, loader_options(8));
  const auto unshuffled = epoch_rows(given, 3);
  CHECK(is_complete(unshuffled, 101));
  CHECK(std::is_sorted(unshuffled.begin(), unshuffled.end()));
}

TEST_CASE("length buckets waste less and still have every row once") {
  const text::Tokenizer tokenizer = letters();
  const LabelledData data = many(500);
  LabelledLoader plain(tokenizer, data, loader_options(8, true));
  LabelledLoader bucketed(tokenizer, data, loader_options(8, true, true));
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    CHECK(is_complete(epoch_rows(bucketed, epoch), 500));
    CHECK(padding_share(plain, epoch) > 0.3);
    CHECK(padding_share(bucketed, epoch) < 0.06);
  }
  CHECK(epoch_rows(bucketed, 0) != epoch_rows(bucketed, 1));
  // Lengths must not fall from the first batch to the last: batches come in random order.
  int rising = 0;
  for (std::int64_t i = 0; i + 1 < bucketed.batches(); ++i) {
    rising += bucketed.batch(0, i).tokens.ids.shape()[1] < bucketed.batch(0, i + 1).tokens.ids.shape()[1];
  }
  CHECK(rising > 20);
}

TEST_CASE("the same batches for any number of threads") {
  const text::Tokenizer tokenizer = letters();
  const LabelledData data = many(300);
  const int threads = thread_count();
  set_thread_count(1);
  LabelledLoader one(tokenizer, data, loader_options(16, true, true));
  set_thread_count(3);
  LabelledLoader three(tokenizer, data, loader_options(16, true, true));
  set_thread_count(threads);
  for (std::int64_t i = 0; i < one.batches(); ++i) {
    CHECK(one.batch(1, i).tokens.ids.to_vector() == three.batch(1, i).tokens.ids.to_vector());
  }
}

TEST_CASE("a part of a batch holds its texts as the batch does") {
  for (const bool padded : {true, false}) {
    CAPTURE(padded);
    LabelledLoaderOptions options = loader_options(4);
    options.padded = padded;
    options.encoding.types = true;
    LabelledLoader loader(letters(), labelled_texts({"a", "b c d", "e f", "g"}, {"h", "i", "", "j k"}),
                          options);
    const LabelledBatch batch = loader.batch(0, 0);
    const LabelledBatch part = part_of(batch, 1, 2);
    CHECK(part.size() == 2);
    CHECK(part.rows == std::vector<std::int64_t>{1, 2});
    CHECK(part.classes == std::vector<std::int32_t>{1, 0});
    CHECK(part.tokens.packed() == !padded);
    CHECK(part.tokens.sequences() == 2);
    if (padded) {
      const std::int64_t width = batch.tokens.ids.shape()[1];
      CHECK(part.tokens.ids.to_vector() == batch.tokens.ids.slice_rows(1, 3).to_vector());
      CHECK(part.tokens.types.to_vector() == batch.tokens.types.slice_rows(1, 3).to_vector());
      CHECK(part.tokens.mask.shape() == Shape{2, width});
      continue;
    }
    const std::int32_t begin = batch.tokens.first_rows.data()[1], end = batch.tokens.first_rows.data()[3];
    const Ids ids = batch.tokens.ids.to_vector(), types = batch.tokens.types.to_vector();
    CHECK(part.tokens.ids.to_vector() == Ids(ids.begin() + begin, ids.begin() + end));
    CHECK(part.tokens.types.to_vector() == Ids(types.begin() + begin, types.begin() + end));
    CHECK(part.tokens.first_rows.to_vector() ==
          Ids{0, batch.tokens.first_rows.data()[2] - begin, end - begin});
  }
}

}  // namespace espalier::data
