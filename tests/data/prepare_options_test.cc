#include "espalier/data/prepare.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier::data {

TEST_CASE("keys, their defaults and their ranges") {
  PrepareOptions options;
  config::Fields fields;
  describe(options, fields);
  const auto settings = config::parse_yaml(
      "text:\n  files: ['*.txt', 'b.jsonl']\n  max_token_ratio: 0.45\ntokenizer:\n  vocab_size: 4096\n"
      "order: shuffled\nout: runs/x\n",
      "test.yaml");
  fields.apply(settings);
  CHECK(options.text_files == std::vector<std::string>{"*.txt", "b.jsonl"});
  CHECK(options.max_token_ratio == 0.45);
  CHECK(options.vocabulary_size == 4096);
  CHECK(options.order == SequenceOrder::kShuffled);
  CHECK(options.sequence_length == 128);
  CHECK(testing::error_of([] { validate(PrepareOptions()); }).starts_with("text.files: "));
  PrepareOptions no_out;
  no_out.text_files = {"x"};
  CHECK(testing::error_of([&] { validate(no_out); }).starts_with("out: "));
}

TEST_CASE("the default token ratio grows by a tenth for every halving of the vocabulary") {
  CHECK(default_token_ratio(32768) == 0.25);
  CHECK(default_token_ratio(65536) == 0.25);
  CHECK(default_token_ratio(16384) == doctest::Approx(0.275));
  CHECK(default_token_ratio(4096) == doctest::Approx(0.33275));
}

}  // namespace espalier::data
