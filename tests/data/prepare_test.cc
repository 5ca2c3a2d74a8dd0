// ctest-label: threads
#include "espalier/data/prepare.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "data/prepare_parts.h"
#include "espalier/base/parallel.h"
#include "espalier/io/token_store.h"
#include "espalier/io/tokenizer_json.h"
#include "tests/data/prepare_support.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::error_of_preparing;
using testing::files_in;
using testing::Ids;
using testing::prepare_options;
using testing::prose;
using testing::prose_words;
using testing::sequences_of;

}  // namespace

TEST_CASE("the stored sequences are the documents' tokens, each document followed by <sep>") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(25, 1));
  const PrepareOptions options = prepare_options(dir);
  const PrepareResult result = prepare(options);
  CHECK_FALSE(result.reused);
  CHECK(files_in(options.out) == std::set<std::string>{"tokenizer.json", "tokens.h5"});
  const text::Tokenizer tokenizer = io::read_tokenizer(dir / "out/tokenizer.json");
  const auto train = sequences_of(options.out, io::Split::kTrain);
  // The same by hand, in one thread and all in memory.
  Ids joined;
  std::string text = testing::read_text(dir / "a.txt");
  std::int64_t kept = 0, held_out = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find("\n\n", begin);
    const std::string document = text.substr(begin, end - begin);
    begin = end + 2;
    const Ids ids = tokenizer.encode(document);
    const bool in_train = split_word(options, document) >= 0.2 * 0x1p32;
    (in_train ? kept : held_out) += 1;
    if (!in_train) continue;
    joined.insert(joined.end(), ids.begin(), ids.end());
    joined.push_back(tokenizer.sep_id());
  }
  CHECK(kept + held_out == 25);
  CHECK(held_out > 0);
  CHECK(held_out < 13);
  Ids stored;
  for (const Ids& sequence : train) stored.insert(stored.end(), sequence.begin(), sequence.end());
  const std::size_t remainder = joined.size() % 16;
  CHECK(result.manifest["train"]["documents"] == kept);
  CHECK(result.manifest["train"]["tokens"] == joined.size());
  CHECK(result.manifest["train"]["dropped_tokens"] == remainder);
  joined.resize(joined.size() - remainder);
  CHECK(stored == joined);
}

TEST_CASE("the manifest counts everything") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(30, 1) +
                         "= + / * ( ) # @ % ^ ; : , | ~ [ ] { } ! ? < > - _\n\n\u4E2D\u6587\n\ncaf\xE9 " +
                         prose(1, 9));
  PrepareOptions options = prepare_options(dir);
  options.max_token_ratio = 0.5;
  const PrepareResult result = prepare(options);
  const io::Json& manifest = result.manifest;
  CHECK(manifest["format"] == "espalier token store manifest");
  CHECK(manifest["sources"][0]["file"] == "a.txt");
  CHECK(manifest["sources"][0]["bytes"] == std::filesystem::file_size(dir / "a.txt"));
  CHECK(manifest["sources"][0]["checksum"].get<std::string>().size() == 21);
  const io::Json& documents = manifest["documents"];
  CHECK(documents["read"] == 33);
  CHECK(documents["too_symbolic"] == 1);
  CHECK(documents["without_tokens"] == 1);  // nothing is left of two ideographs
  CHECK(documents["invalid_utf8"] == 1);
  CHECK(documents["kept"] == 31);
  CHECK(manifest["tokenizer"]["vocabulary_size"].get<int>() <= 120);
  const double bytes = manifest["train"]["bytes"].get<double>();
  CHECK(manifest["train"]["bytes_per_token"].get<double>() ==
        doctest::Approx(bytes / manifest["train"]["tokens"].get<double>()));
  CHECK(std::any_of(result.warnings.begin(), result.warnings.end(),
                    [](const std::string& text) { return text.find("not UTF-8") != text.npos; }));
  const std::string summary = prepare_summary(manifest);
  CHECK(summary.starts_with(
      "33 documents read, 31 kept; dropped: 1 as symbols (0.500 tokens a character or more), "
      "1 without tokens\n"));
  CHECK(summary.find("sequences of 16 (") != std::string::npos);
  const io::TokenStoreReader store = io::open_token_store(dir / "out");
  CHECK(store.manifest() == manifest);
  // The unigram counts are those of the stored training sequences.
  std::uint64_t total = 0;
  for (const std::uint64_t count : store.unigram_counts()) total += count;
  CHECK(total == static_cast<std::uint64_t>(store.sequences(io::Split::kTrain)) * 16);
}

TEST_CASE("the same files for any number of threads") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(200, 3));
  PrepareOptions options = prepare_options(dir);
  options.order = SequenceOrder::kFullStops;
  const int threads = thread_count();
  set_thread_count(1);
  options.out = dir / "one";
  prepare(options);
  set_thread_count(3);
  options.out = dir / "three";
  prepare(options);
  set_thread_count(threads);
  CHECK(testing::read_text(dir / "one/tokens.h5") == testing::read_text(dir / "three/tokens.h5"));
  CHECK(testing::read_text(dir / "one/tokenizer.json") == testing::read_text(dir / "three/tokenizer.json"));
}

TEST_CASE("orders: the same sequences, shuffled or with most full stops first") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(300, 3));
  PrepareOptions options = prepare_options(dir);
  prepare(options);
  const auto stored = sequences_of(options.out, io::Split::kTrain);
  std::map<SequenceOrder, std::vector<Ids>> sequences;
  for (const auto& [order, name] : {std::pair(SequenceOrder::kShuffled, "shuffled"),
                                    std::pair(SequenceOrder::kFullStops, "full_stops")}) {
    options.order = order;
    options.out = dir / name;
    prepare(options);
    sequences[order] = sequences_of(options.out, io::Split::kTrain);
    CHECK(sequences[order] != stored);
    CHECK(std::multiset<Ids>(sequences[order].begin(), sequences[order].end()) ==
          std::multiset<Ids>(stored.begin(), stored.end()));
    // Validation is shuffled always.
    CHECK(sequences_of(options.out, io::Split::kValidation) ==
          sequences_of(dir / "out", io::Split::kValidation));
  }
  const text::Tokenizer tokenizer = io::read_tokenizer(dir / "out/tokenizer.json");
  std::vector<std::int64_t> stops;
  for (const Ids& sequence : sequences[SequenceOrder::kFullStops]) {
    stops.push_back(std::count(sequence.begin(), sequence.end(), tokenizer.find(".").value()));
  }
  CHECK(std::is_sorted(stops.rbegin(), stops.rend()));
  CHECK(stops.front() > stops.back() + 1);
  options.order = SequenceOrder::kShuffled;
  options.seed = 2;
  options.out = dir / "seeded";
  prepare(options);
  CHECK(sequences_of(options.out, io::Split::kTrain) != sequences[SequenceOrder::kShuffled]);
}

TEST_CASE("a sample of the text trains the tokenizer, from every file") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(200, 1));
  std::string other;
  for (int i = 0; i < 200; ++i) other += "zebras zigzag " + prose(1, static_cast<std::uint64_t>(100 + i));
  dir.write("b.txt", other);
  PrepareOptions options = prepare_options(dir);
  options.tokenizer_sample_bytes = 20000;
  const PrepareResult result = prepare(options);
  const auto bytes = result.manifest["tokenizer"]["trained_on_bytes"].get<std::int64_t>();
  CHECK(bytes >= 20000);
  CHECK(bytes < 24000);
  CHECK(io::read_tokenizer(dir / "out/tokenizer.json").find("##z").has_value());
}

TEST_CASE("two documents are enough for both splits, whatever their hashes") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(2, 3));
  int by_fraction = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    PrepareOptions options = prepare_options(dir);
    options.seed = seed;
    options.out = dir / ("out" + std::to_string(seed));
    const PrepareResult result = prepare(options);
    for (const char* split : {"train", "validation"}) {
      CHECK(result.manifest[split]["documents"] == 1);
      CHECK(result.manifest[split]["sequences"].get<int>() >= 1);
    }
    const bool said =
        !result.warnings.empty() && result.warnings[0].starts_with("few documents: 1 of 2 are held");
    by_fraction += said ? 0 : 1;
  }
  CHECK(by_fraction > 0);
  CHECK(by_fraction < 12);
}

TEST_CASE("short documents are held out until they make a sequence") {
  const testing::TempDir dir;
  std::string text;
  for (const char* word : prose_words())
    text += std::string(word) + " and the cat sat\n\n";  // 6 tokens each, at least
  dir.write("a.txt", text);
  PrepareOptions options = prepare_options(dir);
  options.validation_fraction = 0.01;
  const PrepareResult result = prepare(options);
  CHECK(result.manifest["validation"]["documents"].get<int>() >= 2);
  CHECK(result.manifest["validation"]["documents"].get<int>() <= 3);
  CHECK(result.manifest["validation"]["sequences"].get<int>() == 1);
  CHECK(result.warnings[0].find("where validation_fraction=0.01 meant ") != std::string::npos);
}

TEST_CASE("text that cannot be split says what to do") {
  const testing::TempDir dir;
  dir.write("a.txt", "The cat sat on the mat while the rain fell over the old hills today.");
  PrepareOptions options = prepare_options(dir);
  CHECK(
      error_of_preparing(options).starts_with("text.files: there is one document (or copies of one), but "));
  CHECK(error_of_preparing(options).find("a blank line ends one") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(options.out));
  options.validation_fraction = 0;
  CHECK(prepare(options).manifest["train"]["sequences"].get<int>() >= 1);
  dir.write("a.txt", "\u20AC \u2014");
  options.out = dir / "two";
  CHECK(error_of_preparing(options) ==
        "text.files: no words in the 1 training documents (1 read); a tokenizer cannot be trained on them");
}

TEST_CASE("standard input and pipes give what a file gives, and leave nothing behind") {
  const testing::TempDir dir;
  const std::string text = prose(60, 5);
  const std::filesystem::path file = dir.write("a.txt", text);
  PrepareOptions options = prepare_options(dir);
  const io::Json expected = prepare(options).manifest;

  const int kept = dup(STDIN_FILENO);
  const int given = open(file.c_str(), O_RDONLY);
  dup2(given, STDIN_FILENO);
  options.text_files = {"-"};
  options.out = dir / "from_input";
  const io::Json from_input = prepare(options).manifest;
  dup2(kept, STDIN_FILENO);
  close(given);
  close(kept);
  CHECK(from_input["train"] == expected["train"]);
  CHECK(from_input["sources"][0]["file"] == "standard input");
  CHECK(from_input["sources"][0]["checksum"] == expected["sources"][0]["checksum"]);
  CHECK(files_in(options.out) == files_in(dir / "out"));

  REQUIRE(mkfifo((dir / "pipe").c_str(), 0600) == 0);
  std::thread writer([&] { std::ofstream(dir / "pipe") << text; });
  options.text_files = {(dir / "pipe").string()};
  options.text_format = TableFormat::kText;
  options.out = dir / "from_pipe";
  CHECK(prepare(options).manifest["train"] == expected["train"]);
  writer.join();

  options.text_format.reset();
  options.text_files = {"-", file.string()};
  options.out = dir / "mixed";
  CHECK(error_of_preparing(options).find("say what all of them hold by text.format") != std::string::npos);
}

TEST_CASE("bad records are in the manifest, the summary and the warnings, and keys are part of the result") {
  const testing::TempDir dir;
  std::string lines = "{\"content\": null}\n";
  for (int i = 0; i < 60; ++i) {
    io::Json object;
    object["content"] = prose(1, static_cast<std::uint64_t>(i));
    lines += io::json_text(object, -1) + "\n";
  }
  dir.write("a.jsonl", lines + "{}\n{\"content\": \"caf\xe9\"}\n");
  PrepareOptions options = prepare_options(dir, "*.jsonl");
  options.text_field = "content";
  options.on_bad_record = OnBadRecord::kSkip;
  const PrepareResult result = prepare(options);
  CHECK(result.manifest["documents"]["bad_records"] == 2);
  CHECK(prepare_summary(result.manifest).find("; 2 bad records left out") != std::string::npos);
  const std::string warnings = fmt::format("{}", fmt::join(result.warnings, "\n"));
  CHECK(warnings.find("a.jsonl: 2 records left out (lines 1, 62; the first: `content` must be a string") !=
        std::string::npos);
  CHECK(warnings.find("1 of 61 documents hold bytes that are not UTF-8") != std::string::npos);
  CHECK(warnings.find("a.jsonl: line 63 first); if they are Latin-1") != std::string::npos);
  CHECK(prepare(options).reused);
  options.on_bad_record = OnBadRecord::kStop;
  CHECK(error_of_preparing(options).find("text.on_bad_record is \"skip\" there and not set here") !=
        std::string::npos);
}

TEST_CASE("a corpus of nothing but bad records and empty files says so") {
  const testing::TempDir dir;
  dir.write("a.jsonl", "{\"id\": 1}\n{\"id\": 2}\n");
  dir.write("b.jsonl", "");
  PrepareOptions options = prepare_options(dir, "*.jsonl");
  options.on_bad_record = OnBadRecord::kSkip;
  const std::string message = error_of_preparing(options);
  CHECK(message.find("a.jsonl: 2 records left out (lines 1, 2; ") != std::string::npos);
  CHECK(message.find("b.jsonl: the file is empty") != std::string::npos);
}

TEST_CASE("a table without header and with another separator is prepared as one with them") {
  const testing::TempDir dir;
  std::string plain = "text\n", other;
  for (int i = 0; i < 60; ++i) {
    const std::string text = "\"" + prose(1, static_cast<std::uint64_t>(i)) + "\"\n";
    plain += text;
    other += "1;" + text;
  }
  dir.write("a.csv", plain);
  dir.write("b.csv", other);
  PrepareOptions options = prepare_options(dir, "a.csv");
  const io::Json expected = prepare(options).manifest;
  options.text_files = {(dir / "b.csv").string()};
  options.text_separator = "semicolon";
  options.text_header = false;
  options.text_field = "2";
  options.out = dir / "other";
  CHECK(prepare(options).manifest["train"] == expected["train"]);
}

}  // namespace espalier::data
