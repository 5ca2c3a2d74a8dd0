// ctest-label: threads
#include "espalier/data/prepare.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "data/prepare_parts.h"
#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/parallel.h"
#include "espalier/base/philox.h"
#include "espalier/io/token_store.h"
#include "espalier/io/tokenizer_json.h"
#include "io/fault.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using Ids = std::vector<std::int32_t>;

const char* const kWords[] = {"the",  "cat",   "sat",   "on",   "mat",      "while",   "rain",    "fell",
                              "over", "hills", "and",   "old",  "farmers",  "drank",   "their",   "tea",
                              "in",   "quiet", "rooms", "with", "children", "playing", "outside", "today"};

// Documents of sentences of random words; sentences get longer from document to document.
std::string prose(int documents, std::uint64_t seed) {
  const Philox random(seed, RandomStream::kTest);
  std::string text;
  std::uint64_t draw = 0;
  for (int document = 0; document < documents; ++document) {
    for (int sentence = 0; sentence < 12; ++sentence) {
      const int words = 3 + document % 9;
      for (int word = 0; word < words; ++word) {
        text += kWords[random.below(draw++, 24)];
        text += word + 1 < words ? " " : ". ";
      }
    }
    text += "\n\n";
  }
  return text;
}

PrepareOptions options_of(const testing::TempDir& dir, const std::string& files = "*.txt") {
  PrepareOptions options;
  options.text_files = {(dir.path() / files).string()};
  options.out = dir / "out";
  options.vocabulary_size = 120;
  options.sequence_length = 16;
  options.validation_fraction = 0.2;
  options.order = SequenceOrder::kStored;
  return options;
}

std::vector<Ids> sequences_of(const std::filesystem::path& out, io::Split split) {
  const io::TokenStoreReader store = io::open_token_store(out);
  std::vector<Ids> sequences;
  for (std::int64_t i = 0; i < store.sequences(split); ++i) {
    Ids& sequence = sequences.emplace_back(static_cast<std::size_t>(store.sequence_length()));
    store.read(split, i, sequence);
  }
  return sequences;
}

std::set<std::string> files_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.insert(entry.path().filename().string());
  }
  return names;
}

std::string message_of(const PrepareOptions& options) {
  return testing::error_of([&] { prepare(options); });
}

}  // namespace

TEST_CASE("the stored sequences are the documents' tokens, each document followed by <sep>") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(25, 1));
  const PrepareOptions options = options_of(dir);
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
  PrepareOptions options = options_of(dir);
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
  PrepareOptions options = options_of(dir);
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
  PrepareOptions options = options_of(dir);
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

TEST_CASE("a second run finds everything there; other settings or text are refused by name") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(60, 1));
  PrepareOptions options = options_of(dir);
  const PrepareResult first = prepare(options);
  const std::string bytes = testing::read_text(dir / "out/tokens.h5");
  std::filesystem::remove(dir / "out/tokenizer.json");
  options.sort_memory_mb = 64;  // does not change the result
  const PrepareResult second = prepare(options);
  CHECK(second.reused);
  CHECK(second.manifest == first.manifest);
  CHECK(testing::read_text(dir / "out/tokens.h5") == bytes);
  CHECK(std::filesystem::exists(dir / "out/tokenizer.json"));
  PrepareOptions other = options;
  other.sequence_length = 32;
  other.order = SequenceOrder::kShuffled;
  CHECK(message_of(other) ==
        "out: " + options.out +
            " holds a token store made from other text or settings: sequence_length is 16 "
            "there and 32 here; order is \"stored\" there and \"shuffled\" here. Give "
            "another folder, or remove this one");
  dir.write("a.txt", prose(61, 1));
  CHECK(message_of(options).find("settings: the file \"a.txt\" has changed.") != std::string::npos);
  dir.write("b.txt", prose(1, 1));
  CHECK(message_of(options).find("the text was 1 files there and is 2 here") != std::string::npos);
}

TEST_CASE("a damaged store is not taken for the result") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(60, 1));
  const PrepareOptions options = options_of(dir);
  prepare(options);
  std::filesystem::resize_file(dir / "out/tokens.h5", 5000);
  const std::string message = message_of(options);
  CHECK(message.find("tokens.h5") != std::string::npos);
  CHECK(message.ends_with("Remove the folder " + options.out + " to prepare it again"));
}

TEST_CASE("a folder with other files is left alone") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(60, 1));
  dir.write("out/thesis.tex", "x");
  CHECK(message_of(options_of(dir)) ==
        "out: " + (dir / "out").string() +
            " is not empty and holds other files (thesis.tex); give another folder");
  CHECK(files_in(dir / "out") == std::set<std::string>{"thesis.tex"});
}

TEST_CASE("a tokenizer that exists is used as it is") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(60, 1));
  PrepareOptions options = options_of(dir);
  prepare(options);
  options.tokenizer_path = dir / "out/tokenizer.json";
  options.out = dir / "again";
  options.vocabulary_size = 32768;  // of no meaning then
  const PrepareResult result = prepare(options);
  CHECK(testing::read_text(dir / "again/tokenizer.json") == testing::read_text(dir / "out/tokenizer.json"));
  CHECK(sequences_of(options.out, io::Split::kTrain) == sequences_of(dir / "out", io::Split::kTrain));
  CHECK(result.manifest["configuration"]["tokenizer.path"].get<std::string>().starts_with("xxh3:"));
  options.tokenizer_path = dir / "none.json";
  options.out = dir / "none";
  CHECK(message_of(options).find("none.json") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "none"));
}

TEST_CASE("a sample of the text trains the tokenizer, from every file") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(200, 1));
  std::string other;
  for (int i = 0; i < 200; ++i) other += "zebras zigzag " + prose(1, static_cast<std::uint64_t>(100 + i));
  dir.write("b.txt", other);
  PrepareOptions options = options_of(dir);
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
    PrepareOptions options = options_of(dir);
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
  for (const char* word : kWords)
    text += std::string(word) + " and the cat sat\n\n";  // 6 tokens each, at least
  dir.write("a.txt", text);
  PrepareOptions options = options_of(dir);
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
  PrepareOptions options = options_of(dir);
  CHECK(message_of(options).starts_with("text.files: there is one document (or copies of one), but "));
  CHECK(message_of(options).find("a blank line ends one") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(options.out));
  options.validation_fraction = 0;
  CHECK(prepare(options).manifest["train"]["sequences"].get<int>() >= 1);
  dir.write("a.txt", "\u20AC \u2014");
  options.out = dir / "two";
  CHECK(message_of(options) ==
        "text.files: no words in the 1 training documents (1 read); a tokenizer cannot be trained on them");
}

TEST_CASE("Ctrl-C: nothing is left behind, whatever phase it hits") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(300, 1));
  PrepareOptions options = options_of(dir);
  options.order = SequenceOrder::kFullStops;
  for (const char* phase :
       {"reading sources", "counting words", "training tokenizer", "encoding", "writing"}) {
    INFO(phase);
    const auto stop = [&](const PrepareProgress& progress) {
      if (progress.phase == phase) set_interrupt_signal(SIGINT);
    };
    int status = 0;
    std::string message;
    try {
      prepare(options, stop);
    } catch (const Interrupted& interrupted) {
      status = interrupted.exit_status();
      message = interrupted.what();
    }
    set_interrupt_signal(0);
    CHECK(status == 130);
    CHECK(message == std::string("interrupted while ") + phase + "; " + options.out + " holds nothing new");
    CHECK_FALSE(std::filesystem::exists(options.out));
  }
}

TEST_CASE("a full disk at any write: an error, and no half result") {
  const testing::TempDir dir;
  dir.write("a.txt", prose(80, 1));
  PrepareOptions options = options_of(dir);
  options.order = SequenceOrder::kFullStops;
  std::uint64_t calls = 0;
  {
    const io::ScopedFault count;
    prepare(options);
    calls = count.calls();
  }
  const std::string bytes = testing::read_text(dir / "out/tokens.h5");
  for (std::uint64_t at = 1; at <= calls; ++at) {
    INFO("write call " << at << " of " << calls);
    options.out = dir / ("full-" + std::to_string(at));
    std::string message;
    {
      const io::ScopedFault full({io::Fault::kDiskFull, at, 0});
      try {
        prepare(options);
      } catch (const Error& error) {
        message = error.what();
      }
    }
    if (message.empty()) {
      // What failed was the removal of the lock or of a temporary name, after the store was complete.
      CHECK(testing::read_text(options.out + "/tokens.h5") == bytes);
      continue;
    }
    CHECK(message.find("No space left on device") != std::string::npos);
    // Past the renaming only the folder's own record can fail: the file is whole then.
    const std::filesystem::path store = options.out + "/tokens.h5";
    CHECK_UNARY(!std::filesystem::exists(store) || testing::read_text(store) == bytes);
    // The same folder serves once there is space again.
    prepare(options);
    CHECK(testing::read_text(options.out + "/tokens.h5") == bytes);
  }
}

TEST_CASE("standard input and pipes give what a file gives, and leave nothing behind") {
  const testing::TempDir dir;
  const std::string text = prose(60, 5);
  const std::filesystem::path file = dir.write("a.txt", text);
  PrepareOptions options = options_of(dir);
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
  CHECK(testing::error_of([&] { prepare(options); }).find("say what all of them hold by text.format") !=
        std::string::npos);
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
  PrepareOptions options = options_of(dir, "*.jsonl");
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
  CHECK(testing::error_of([&] {
          prepare(options);
        }).find("text.on_bad_record is \"skip\" there and not set here") != std::string::npos);
}

}  // namespace espalier::data
