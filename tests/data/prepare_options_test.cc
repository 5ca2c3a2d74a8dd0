#include "espalier/data/prepare.h"

#include <doctest/doctest.h>

#include <map>

#include "data/prepare_parts.h"
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
  no_out.text_separator = "colons";
  CHECK(testing::error_of([&] { validate(no_out); }).starts_with("text.separator: expected auto, tab, "));
}

TEST_CASE("settings of tables are refused where no file is one") {
  PrepareOptions options;
  const auto error_of = [&](const char* file) {
    return testing::error_of([&] { format_of_all(options, {file}); });
  };
  options.text_separator = "tab";
  CHECK(error_of("a.txt").starts_with("text.separator: no file is a .csv or .tsv; leave it out, or say"));
  CHECK(error_of("a.jsonl.gz").starts_with("text.separator: "));
  CHECK_FALSE(format_of_all(options, {"a.txt", "b.csv"}));
  options.text_format = TableFormat::kTsv;
  CHECK(format_of_all(options, {"a.txt"}) == TableFormat::kTsv);
  options = {};
  options.text_header = false;
  CHECK(error_of("a.jsonl").starts_with("text.header: "));
  options = {};
  options.text_field = "body";
  CHECK(error_of("a.txt").starts_with("text.field: all files are plain text"));
  CHECK_FALSE(format_of_all(options, {"a.jsonl"}));
}

TEST_CASE("a tokenizer that is given takes the place of settings of one to train") {
  const auto resolved = [](const char* file, const std::vector<std::string>& overrides) {
    const testing::TempDir dir;
    return config::load<PrepareOptions>(dir.write("a.yaml", file), overrides);
  };
  CHECK(resolved("tokenizer:\n  vocab_size: 4096\n", {"tokenizer.path=x"}).vocabulary_size ==
        PrepareOptions().vocabulary_size);
  // Not the other way round: the model's words would be lost without a word.
  CHECK(
      testing::error_of([&] {
        validate(
            resolved("tokenizer:\n  path: x\n", {"tokenizer.vocab_size=500", "text.files=[a.txt]", "out=b"}));
      }).starts_with("tokenizer.vocab_size: nothing is trained where tokenizer.path=x gives the tokenizer"));
}

TEST_CASE("a store remembers every key that changes it") {
  const std::map<std::string, std::string> other = {{"text.field", "'1'"},
                                                    {"text.format", "csv"},
                                                    {"text.separator", "pipe"},
                                                    {"text.header", "false"},
                                                    {"text.on_bad_record", "skip"},
                                                    {"text.max_document_bytes", "2048"},
                                                    {"text.max_token_ratio", "0.5"},
                                                    {"tokenizer.normalizer", "bert"},
                                                    {"tokenizer.lowercase", "false"},
                                                    {"tokenizer.limit_alphabet", "20"},
                                                    {"tokenizer.vocab_size", "100"},
                                                    {"tokenizer.max_words", "2000"},
                                                    {"tokenizer.sample_bytes", "1"},
                                                    {"sequence_length", "64"},
                                                    {"validation_fraction", "0.1"},
                                                    {"order", "stored"},
                                                    {"seed", "18446744073709551615"}};
  const io::Json usual = configuration_json(PrepareOptions(), "");
  for (const config::Setting& setting : config::settings_of(PrepareOptions())) {
    CAPTURE(setting.key);
    const bool aside = setting.key == "text.files" || setting.key == "tokenizer.path" ||
                       setting.key == "sort_memory_mb" || setting.key == "out";
    REQUIRE((aside || other.contains(setting.key)));
    if (aside) continue;
    PrepareOptions options;
    config::Fields fields;
    describe(options, fields);
    const std::vector<config::Setting> changed = {
        config::parse_override(setting.key + "=" + other.at(setting.key))};
    fields.apply(changed);
    const io::Json json = configuration_json(options, "");
    CHECK(json != usual);
    CHECK(json.contains(setting.key));
    // A tokenizer of one's own is not trained.
    const bool of_training = setting.key.starts_with("tokenizer.");
    CHECK((configuration_json(options, "xxh3:1") == configuration_json({}, "xxh3:1")) == of_training);
  }
  // As all stores have them.
  CHECK(usual["sequence_length"] == 128);
  CHECK(usual["validation_fraction"] == 0.02);
  CHECK(usual["order"] == "full_stops");
  CHECK(usual["tokenizer.lowercase"] == true);
  CHECK_FALSE(usual.contains("text.field"));
  PrepareOptions numbered;
  numbered.text_field = "01";
  CHECK(configuration_json(numbered, "")["text.field"] == "01");
}

TEST_CASE("the default token ratio grows with every halving of the vocabulary") {
  CHECK(default_token_ratio(32768) == 0.25);
  CHECK(default_token_ratio(65536) == 0.25);
  CHECK(default_token_ratio(16384) == doctest::Approx(0.275));
  CHECK(default_token_ratio(4096) == doctest::Approx(0.33275));
  CHECK(default_token_ratio(512) == doctest::Approx(0.25 * 1.61051 * 1.125));
  CHECK(default_token_ratio(0) == default_token_ratio(1));
}

}  // namespace espalier::data
