#include "espalier/bench/tokenize.h"

#include <doctest/doctest.h>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/io/text_file.h"
#include "espalier/io/tokenizer_json.h"
#include "tests/support/support.h"

namespace espalier::bench {
namespace {

TEST_CASE("generated text: one row with one thread, one with all; the tokenizer is left where asked") {
  const testing::TempDir dir;
  TokenizeOptions options;
  options.megabytes = 1;
  options.vocabulary = 500;
  options.rounds = 1;
  options.tokenizer_file = (dir / "tokenizer.json").string();
  set_thread_count(2);
  const TokenizeReport report = bench_tokenize(options);
  REQUIRE(report.rows.size() == 2);
  for (const TokenizeRow& row : report.rows) {
    CHECK(row.train_s > 0);
    CHECK(row.encode_mb_per_s > 0);
    CHECK(row.tokens_per_s > 0);
    CHECK(row.vocabulary == 500);
    CHECK(row.tokens == report.rows[0].tokens);
    CHECK(row.bytes >= 1'000'000);
  }
  CHECK(report.rows[0].threads == 1);
  CHECK(report.rows[1].threads == 2);
  const text::Tokenizer tokenizer =
      io::parse_tokenizer(io::read_text_file(options.tokenizer_file), options.tokenizer_file);
  CHECK(tokenizer.vocabulary_size() == 500);
}

TEST_CASE("files are read line by line, and an empty one is refused") {
  const testing::TempDir dir;
  TokenizeOptions options;
  options.vocabulary = 64;
  options.rounds = 1;
  options.megabytes = 0;
  options.files = {dir.write("text.txt", "a bad cab\n\nabba had a cab\n").string()};
  set_thread_count(1);
  const TokenizeReport report = bench_tokenize(options);
  REQUIRE(report.rows.size() == 1);
  CHECK(report.rows[0].documents == 2);
  CHECK(report.rows[0].bytes == 23);
  options.files = {dir.write("empty.txt", "\n").string()};
  CHECK_THROWS_WITH_AS(bench_tokenize(options), doctest::Contains("hold no text"), InputError);
  options.files = {"/no/such/file.txt"};
  CHECK_THROWS_AS(bench_tokenize(options), InputError);
}

}  // namespace
}  // namespace espalier::bench
