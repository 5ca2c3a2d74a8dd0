// Text outside English: normalizers, deleted letters, short and Chinese texts, tokenizers of other models.
#include <doctest/doctest.h>

#include <algorithm>

#include "espalier/base/philox.h"
#include "espalier/data/prepare.h"
#include "espalier/io/tokenizer_json.h"
#include "tests/data/prepare_support.h"
#include "tests/support/support.h"
#include "text/utf8.h"

namespace espalier::data {
namespace {

using testing::error_of_preparing;
using Words = testing::Strings;

const Words kRussian = {"утро", "река", "книга", "хлеб", "Дети", "снег", "поезд", "ёлка", "сосед", "песня"};
const Words kEnglish = {"morning", "river", "book", "bread", "children", "snow", "train", "evening", "song"};
const Words kChinese = {"园", "丁", "把", "树", "枝", "绑", "在", "墙", "上", "春", "天", "开", "花"};

std::string documents(const Words& words, const std::string& between, int count, std::uint64_t seed) {
  const Philox random(seed, RandomStream::kTest);
  std::string text;
  for (int document = 0; document < count; ++document) {
    for (int word = 0; word < 40; ++word) {
      text += words[random.below(static_cast<std::uint64_t>(document * 40 + word),
                                 static_cast<std::uint32_t>(words.size()))] +
              between;
    }
    text += "\n\n";
  }
  return text;
}

// A vocabulary with room for two scripts.
PrepareOptions scripts_options(const testing::TempDir& dir) {
  PrepareOptions options = testing::prepare_options(dir);
  options.vocabulary_size = 200;
  return options;
}

bool warns_of(const PrepareResult& result, const std::string& what) {
  return std::any_of(result.warnings.begin(), result.warnings.end(),
                     [&](const std::string& warning) { return warning.find(what) != std::string::npos; });
}

}  // namespace

TEST_CASE("a text that the default normalizer deletes is refused before the work, with the way out") {
  const testing::TempDir dir;
  dir.write("a.txt", documents(kRussian, " ", 30, 1));
  const std::string error = error_of_preparing(scripts_options(dir));
  CHECK(error.starts_with("text.files: the tokenizer deletes 100.0 % of the letters ("));
  CHECK(error.ends_with("tokenizer.normalizer=bert keeps every script"));
  CHECK_FALSE(std::filesystem::exists(dir / "out"));
}

TEST_CASE("deleted letters are counted, and said above one percent") {
  const testing::TempDir dir;
  dir.write("a.txt", documents(kEnglish, " ", 60, 1) + documents(kRussian, " ", 10, 2));
  const PrepareResult result = prepare(scripts_options(dir));
  const auto letters = result.manifest["documents"]["letters"].get<double>();
  const auto deleted = result.manifest["documents"]["deleted_letters"].get<double>();
  CHECK(deleted / letters > 0.1);
  CHECK(deleted / letters < 0.2);
  CHECK(warns_of(result, " % of the letters ("));
  const testing::TempDir plain;
  plain.write("a.txt", documents(kEnglish, " ", 60, 1) + "a café\n");
  const PrepareResult other = prepare(scripts_options(plain));
  CHECK(other.manifest["documents"]["deleted_letters"] == 0);
  CHECK_FALSE(warns_of(other, "of the letters"));
}

TEST_CASE("a corpus is refused by all of its letters, not by the beginnings of its files") {
  const testing::TempDir dir;
  const std::string english = documents(kEnglish, " ", 30, 1), russian = documents(kRussian, " ", 10, 2);
  std::string long_text;
  while (long_text.size() < (std::size_t{6} << 20)) long_text += english;
  dir.write("a.txt", long_text);
  for (const char* name : {"b.txt", "c.txt", "d.txt"}) {
    std::string other;
    while (other.size() < (std::size_t{1} << 20)) other += russian;
    dir.write(name, other);
  }
  const PrepareResult result = prepare(scripts_options(dir));
  CHECK(warns_of(result, " % of the letters ("));
}

TEST_CASE("words that are too long are told from characters that are unknown") {
  const testing::TempDir dir;
  std::string text = documents(kEnglish, " ", 20, 1);
  for (int i = 0; i < 40; ++i) text += documents(kEnglish, "", 1, static_cast<std::uint64_t>(i));
  dir.write("a.txt", text);
  const PrepareResult result = prepare(scripts_options(dir));
  CHECK(warns_of(result, "words are longer than 100 characters, and each is one unknown token"));
  CHECK_FALSE(warns_of(result, "raise tokenizer.limit_alphabet"));
}

TEST_CASE("special tokens that stand in the text are counted and told") {
  const testing::TempDir dir;
  dir.write("a.txt", documents(kEnglish, " ", 29, 1) + documents({"<sep>", "bread", "snow"}, " ", 1, 1));
  const PrepareResult result = prepare(scripts_options(dir));
  CHECK(result.manifest["documents"]["special_tokens"].get<int>() > 5);
  CHECK(warns_of(result, "special tokens, such as <sep>, are written out in the text"));
}

TEST_CASE("with bert other scripts train and come back; none keeps all; another tokenizer's is taken") {
  const testing::TempDir dir;
  dir.write("a.txt", documents(kRussian, " ", 30, 1));
  PrepareOptions options = scripts_options(dir);
  options.normalizer = "bert";
  prepare(options);
  const text::Tokenizer uncased = io::read_tokenizer(dir / "out/tokenizer.json");
  CHECK(uncased.decode(uncased.encode("Дети ёлка"), true) == "дети елка");
  options.lowercase = false;
  options.out = dir / "cased";
  prepare(options);
  const text::Tokenizer cased = io::read_tokenizer(dir / "cased/tokenizer.json");
  CHECK(cased.decode(cased.encode("Дети ёлка"), true) == "Дети ёлка");
  options.lowercase = true;
  options.normalizer = "none";
  options.out = dir / "none";
  prepare(options);
  CHECK(io::read_tokenizer(dir / "none/tokenizer.json").model().normalizer.steps.empty());
  options.normalizer = dir / "cased/tokenizer.json";
  options.out = dir / "taken";
  prepare(options);
  const text::Tokenizer taken = io::read_tokenizer(dir / "taken/tokenizer.json");
  CHECK(taken.decode(taken.encode("Дети ёлка"), true) == "Дети ёлка");
}

TEST_CASE("normalizers that are none, and settings of bert without it, are refused") {
  const testing::TempDir dir;
  dir.write("a.txt", documents(kEnglish, " ", 30, 1));
  PrepareOptions options = scripts_options(dir);
  options.normalizer = "bret";
  CHECK(error_of_preparing(options) ==
        "tokenizer.normalizer: expected crammed, bert, none, or a tokenizer.json or MODEL, found `bret`");
  options.normalizer = "crammed";
  options.lowercase = false;
  CHECK(error_of_preparing(options) == "tokenizer.lowercase: false needs tokenizer.normalizer=bert");
  options.lowercase = true;
  options.normalizer = "bert";
  options.tokenizer_path = "x.json";
  CHECK(error_of_preparing(options).starts_with(
      "tokenizer.normalizer: the tokenizer of tokenizer.path has one"));
  options.normalizer = "crammed";
  CHECK(error_of_preparing(options) ==
        "tokenizer.vocab_size: nothing is trained where tokenizer.path=x.json gives the tokenizer; give one "
        "of the "
        "two keys");
}

TEST_CASE("words with characters beyond the alphabet's limit are said") {
  const testing::TempDir dir;
  dir.write("a.txt", documents(kRussian, " ", 30, 1));
  PrepareOptions options = scripts_options(dir);
  options.normalizer = "bert";
  options.limit_alphabet = 8;
  const PrepareResult result = prepare(options);
  CHECK(result.manifest["documents"]["unknown_tokens"].get<int>() > 100);
  CHECK(warns_of(result, "tokens are unknown: words with characters"));
  CHECK(warns_of(result, "raise tokenizer.limit_alphabet"));
  options.limit_alphabet = 1000;
  options.out = dir / "all";
  CHECK(prepare(options).manifest["documents"]["unknown_tokens"] == 0);
}

TEST_CASE("Chinese and short plain texts are no symbols, base64 is; a given ratio is the published rule") {
  const testing::TempDir dir;
  std::string records;
  for (int i = 0; i < 300; ++i) records += "{\"text\": \"a fine film\"}\n";
  for (int i = 0; i < 100; ++i)
    records += "{\"text\": \"" + documents(kChinese, "", 1, 7).substr(0, 120) + "\"}\n";
  const Philox random(3, RandomStream::kTest);
  for (int i = 0; i < 30; ++i) {
    records += "{\"text\": \"";
    for (std::uint64_t j = 0; j < 100; ++j) {
      records +=
          "abcdefghijklmnopqrstuvwxyz0123456789"[random.below(static_cast<std::uint64_t>(i) * 100 + j, 36)];
      if (j % 10 == 9) records += '+';
    }
    records += "\"}\n";
  }
  dir.write("a.jsonl", records);
  PrepareOptions options = scripts_options(dir);
  options.text_files = {(dir / "a.jsonl").string()};
  options.normalizer = "bert";
  options.vocabulary_size = 120;
  options.validation_fraction = 0;
  const PrepareResult result = prepare(options);
  CHECK(result.manifest["documents"]["too_symbolic"] == 30);
  CHECK(warns_of(result, "30 of 430 documents were dropped as symbols, at "));
  CHECK(warns_of(result, "text.max_token_ratio=9 keeps all"));
  options.max_token_ratio = 1;
  options.out = dir / "published";
  CHECK(prepare(options).manifest["documents"]["too_symbolic"].get<int>() >= 100);
}

TEST_CASE("prose is no symbols where characters take most of the vocabulary") {
  const testing::TempDir dir;
  std::string alphabet;
  for (int i = 0; i < 500; ++i) text::append_utf8(static_cast<char32_t>(0x4E00 + i), alphabet);
  dir.write("a.txt", testing::prose(40, 1) + alphabet + "\n");
  PrepareOptions options = scripts_options(dir);
  options.normalizer = "bert";
  options.lowercase = false;
  options.vocabulary_size = 580;
  options.validation_fraction = 0;
  CHECK(prepare(options).manifest["documents"]["too_symbolic"] == 0);
}

TEST_CASE("tokenizer.path is whatever has a tokenizer") {
  const testing::TempDir dir;
  dir.write("a.txt", documents(kEnglish, " ", 30, 1));
  PrepareOptions options = scripts_options(dir);
  prepare(options);
  const std::string made = testing::read_text(dir / "out/tokenizer.json");
  int count = 0;
  for (const char* path : {"out", "out/tokenizer.json", "out/tokens.h5"}) {
    options.tokenizer_path = dir / path;
    options.vocabulary_size = PrepareOptions().vocabulary_size;
    options.out = dir / ("again" + std::to_string(count++));
    prepare(options);
    CHECK(testing::read_text(std::filesystem::path(options.out) / "tokenizer.json") == made);
  }
  options.tokenizer_path = dir / "nowhere";
  options.out = dir / "last";
  CHECK(error_of_preparing(options).find(
            "nowhere: no such file or folder; a tokenizer is a tokenizer.json, or a model") !=
        std::string::npos);
}

}  // namespace espalier::data
