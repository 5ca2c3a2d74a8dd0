#include "model/word_difference.h"

#include <doctest/doctest.h>

#include "espalier/io/tokenizer_json.h"
#include "tests/support/tiny_vocabulary.h"

namespace espalier::model {

TEST_CASE("tokenizers are compared by their words, not by their text") {
  const auto json = [](std::vector<std::string> words) {
    return io::tokenizer_json(text::crammed_bert_tokenizer(std::move(words)));
  };
  const std::vector<std::string> words = testing::tiny_vocabulary();
  const std::string own = json(words);
  CHECK(word_difference(own, "a", own, "b").empty());
  CHECK(word_difference(own, "a", own + "\n", "b").empty());
  CHECK(word_difference("", "a", own, "b").empty());
  CHECK(word_difference(own, "a", "", "b").empty());
  std::vector<std::string> swapped = words;
  std::swap(swapped[7], swapped[8]);
  CHECK(word_difference(own, "a", json(swapped), "b") == "word 7 is `a` in a but `b` in b");
  std::vector<std::string> more = words;
  more.emplace_back("tree");
  CHECK(word_difference(own, "a", json(more), "b") == "a has 40 words but b has 41");
}

}  // namespace espalier::model
