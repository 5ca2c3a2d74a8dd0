#include "text/word_piece.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "espalier/base/philox.h"
#include "tests/support/support.h"

namespace espalier::text {

namespace {

TokenizerModel model_of(std::vector<std::string> vocabulary) {
  TokenizerModel model;
  model.vocabulary = std::move(vocabulary);
  return model;
}

std::vector<std::int32_t> encoded(const TokenizerModel& model, const std::string& word) {
  std::vector<std::int32_t> ids;
  WordPiece(model).encode(word, ids);
  return ids;
}

// The algorithm as published: ever shorter substrings are looked up.
std::vector<std::int32_t> published_encoding(const TokenizerModel& model, const std::string& word) {
  std::map<std::string, std::int32_t> ids;
  for (std::size_t i = 0; i < model.vocabulary.size(); ++i) ids[model.vocabulary[i]] = static_cast<int>(i);
  const std::int32_t unknown = ids.at(model.unknown_token);
  std::vector<std::int32_t> result;
  for (std::size_t begin = 0; begin < word.size();) {
    std::size_t end = word.size();
    for (; end > begin; --end) {
      const std::string piece =
          (begin > 0 ? model.continuation_prefix : "") + word.substr(begin, end - begin);
      if (!ids.contains(piece)) continue;
      result.push_back(ids[piece]);
      break;
    }
    if (end == begin) return {unknown};
    begin = end;
  }
  return result;
}

}  // namespace

TEST_CASE("longest pieces first, and one unknown for the whole word") {
  const TokenizerModel model = model_of({"<unk>", "un", "##aff", "##able", "##a", "u", "able", "##"});
  CHECK(encoded(model, "unaffable") == std::vector<std::int32_t>{1, 2, 3});
  CHECK(encoded(model, "unax") == std::vector<std::int32_t>{0});
  CHECK(encoded(model, "able") == std::vector<std::int32_t>{6});
  CHECK(encoded(model, "uable") == std::vector<std::int32_t>{5, 3});
  // A word that itself starts with the prefix matches such a token, as any other.
  CHECK(encoded(model, "##aff") == std::vector<std::int32_t>{2});
  CHECK(encoded(model, "##") == std::vector<std::int32_t>{7});
}

TEST_CASE("equals the published algorithm on random words and vocabularies") {
  const Philox random(11, RandomStream::kTest);
  std::uint64_t draw = 0;
  const auto pick = [&](int count) {
    return static_cast<int>(random.uniform(draw++) * static_cast<float>(count));
  };
  int unknown = 0;
  int known = 0;
  for (int round = 0; round < 30; ++round) {
    std::vector<std::string> vocabulary = {"<unk>"};
    std::map<std::string, int> seen;
    for (int i = 0; i < 60; ++i) {
      std::string token = pick(2) == 0 ? "##" : "";
      for (int k = pick(5) + 1; k > 0; --k) token += static_cast<char>('a' + pick(3));
      if (seen[token]++ == 0) vocabulary.push_back(token);
    }
    const TokenizerModel model = model_of(vocabulary);
    for (int i = 0; i < 100; ++i) {
      std::string word;
      for (int k = pick(12) + 1; k > 0; --k) word += static_cast<char>('a' + pick(3));
      CAPTURE(word);
      const std::vector<std::int32_t> ids = encoded(model, word);
      CHECK(ids == published_encoding(model, word));
      (ids == std::vector<std::int32_t>{0} ? unknown : known) += 1;
    }
  }
  CHECK(unknown > 50);
  CHECK(known > 500);
}

TEST_CASE("words over the limit are unknown, counted in characters") {
  TokenizerModel model = model_of({"<unk>", "\u00E9", "##\u00E9"});
  model.max_word_characters = 5;
  std::string word;
  for (int i = 0; i < 5; ++i) word += "\u00E9";
  CHECK(encoded(model, word) == std::vector<std::int32_t>{1, 2, 2, 2, 2});
  CHECK(encoded(model, word + "\u00E9") == std::vector<std::int32_t>{0});
}

TEST_CASE("without continuations only whole tokens are known; the prefix may be empty") {
  CHECK(encoded(model_of({"<unk>", "a"}), "aa") == std::vector<std::int32_t>{0});
  TokenizerModel model = model_of({"<unk>", "a", "ab"});
  model.continuation_prefix = "";
  CHECK(encoded(model, "aaba") == std::vector<std::int32_t>{1, 2, 1});
}

TEST_CASE("wrong vocabularies are named") {
  const auto error = [](const TokenizerModel& model) { return testing::error_of([&] { WordPiece{model}; }); };
  CHECK(error(model_of({})) == "tokenizer: the vocabulary is empty");
  CHECK(error(model_of({"<unk>", "a", "b", "a"})) ==
        "tokenizer: the token \"a\" is in the vocabulary twice, as 1 and 3");
  CHECK(error(model_of({"a"})) ==
        "tokenizer: the unknown token \"<unk>\" is not among the 1 tokens of the vocabulary: add it, or name "
        "another as unk_token");
  CHECK(error(model_of({"<unk>", "\xC3"})) == "tokenizer: token 1 is not UTF-8");
}

}  // namespace espalier::text
