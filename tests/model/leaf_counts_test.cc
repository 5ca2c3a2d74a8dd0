// What leaves read, of counts small enough to do by hand.
#include "model/leaf_counts.h"

#include <doctest/doctest.h>

#include <cmath>

#include "espalier/io/tokenizer_json.h"
#include "model/leaf_agreement.h"
#include "model/leaf_words.h"
#include "tests/support/support.h"
#include "tests/support/tiny_vocabulary.h"

namespace espalier::model {
namespace {

using Table = std::vector<std::uint32_t>;

Table table_of(const LeafCounts& counts, std::int64_t tree, Neighbour neighbour) {
  const auto table = counts.table(tree, neighbour);
  return {table.begin(), table.end()};
}

}  // namespace

TEST_CASE("a leaf is counted with what it read and with the neighbours within the sequence") {
  // Two trees of two leaves, three words, two sequences of three tokens.
  LeafCounts counts({2, 1}, 3);
  CHECK(LeafCounts::bytes({2, 1}, 3) == 2 * 2 * 3 * 3 * 4);
  const IntTensor ids = IntTensor::from({2, 3}, testing::Ids{0, 1, 2, 2, 2, 0});
  const IntTensor leaf = IntTensor::from({6, 2}, testing::Ids{0, 1, 1, 1, 0, 1, 0, 0, 0, 1, 1, 1});
  REQUIRE(counts.tasks() == 6);
  for (int task = 0; task < counts.tasks(); ++task) counts.add(task, leaf, ids);
  CHECK(table_of(counts, 0, Neighbour::kSelf) == Table{1, 0, 3, 1, 1, 0});
  CHECK(table_of(counts, 0, Neighbour::kPrevious) == Table{0, 1, 1, 1, 0, 1});
  CHECK(table_of(counts, 0, Neighbour::kNext) == Table{1, 1, 1, 0, 0, 1});
  CHECK(table_of(counts, 1, Neighbour::kSelf) == Table{0, 0, 1, 2, 1, 2});
  CHECK(counts.leaf_tokens(0) == std::vector<std::int64_t>{4, 2});
  CHECK(counts.leaf_tokens(1) == std::vector<std::int64_t>{1, 5});
}

TEST_CASE("a leaf's tokens: the largest mutual information first, above chance and above the floor") {
  const text::Tokenizer tokenizer(text::crammed_bert_tokenizer(testing::tiny_vocabulary()));
  // Leaf 0 of 20 tokens, leaf 1 of 60.
  const std::vector<std::uint32_t> counts = {10, 6, 4, 0, 0, 10, 2, 4, 40, 4};
  const auto found = leaf_words(counts, 2, tokenizer, {10, 3});
  REQUIRE(found.size() == 2);
  REQUIRE(found[0].size() == 3);
  // 6 of 8 occurrences where 1 of 4 tokens are: three times as often.
  CHECK(found[0][0].id == 1);
  CHECK(found[0][0].token == tokenizer.token(1));
  CHECK(found[0][0].count == 6);
  CHECK(found[0][0].share == 0.75);
  CHECK(found[0][0].pmi == doctest::Approx(std::log2(3)));
  CHECK(found[0][1].id == 0);  // as word 2 twice as often, and more of it
  CHECK(found[0][2].id == 2);
  CHECK(found[0][2].pmi == 1);
  REQUIRE(found[1].size() == 2);
  CHECK(found[1][0].id == 3);
  CHECK(found[1][1].id == 4);
  const auto one = leaf_words(counts, 2, tokenizer, {1, 5});
  CHECK(one[0].size() == 1);
  CHECK(one[1].size() == 1);
  CHECK(leaf_words(counts, 2, tokenizer, {10, 50})[1].empty());
}

TEST_CASE(
    "agreement: of several trees the one that agrees most, in large forests the one of the same place") {
  const IntTensor leaf = IntTensor::from({4, 2}, testing::Ids{0, 0, 0, 1, 1, 0, 1, 1});
  // The other model has the same trees in the other order, the first with its leaves exchanged.
  const IntTensor other = IntTensor::from({4, 2}, testing::Ids{0, 1, 1, 1, 0, 0, 1, 0});
  LeafAgreement agreement({2, 1}, {2, 1});
  REQUIRE(agreement.tasks() == 4);
  for (int task = 0; task < agreement.tasks(); ++task) agreement.add(task, leaf, other);
  const LayerAgreement found = agreement.result(3);
  CHECK(found.layer == 3);
  REQUIRE(found.trees.size() == 2);
  CHECK(found.trees[0].other == 1);
  CHECK(found.trees[1].other == 0);
  CHECK(found.adjusted_mutual_information == doctest::Approx(1));
  CHECK(LeafAgreement({9, 1}, {8, 1}).tasks() == 8);
  CHECK(LeafAgreement::bytes({9, 1}, {8, 2}) == 8 * 2 * 4 * 8);
}

}  // namespace espalier::model
