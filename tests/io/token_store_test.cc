// ctest-label: threads
#include "espalier/io/token_store.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <thread>

#include "io/fault.h"
#include "io/sealed_file.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::error_of;
using testing::read_text;
using testing::TempDir;

std::int32_t id_at(Split split, std::int64_t sequence, std::int64_t position, std::int64_t words) {
  const std::int64_t mixed =
      (sequence * 7919 + position * 104729 + (split == Split::kTrain ? 0 : 13)) % words;
  return static_cast<std::int32_t>(mixed);
}

std::vector<std::int32_t> sequence_at(Split split, std::int64_t index, std::int64_t length,
                                      std::int64_t words) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < length; ++i) ids.push_back(id_at(split, index, i, words));
  return ids;
}

struct Sizes {
  std::int64_t words = 300;
  std::int64_t length = 16;
  std::int64_t train = 50;
  std::int64_t validation = 7;
};

void write_store(const std::filesystem::path& path, const Sizes& sizes) {
  TokenStoreWriter writer(path, {sizes.words, sizes.length});
  for (std::int64_t i = 0; i < sizes.train; ++i) {
    writer.append(Split::kTrain, sequence_at(Split::kTrain, i, sizes.length, sizes.words));
  }
  std::vector<std::int32_t> all;
  for (std::int64_t i = 0; i < sizes.validation; ++i) {
    const auto one = sequence_at(Split::kValidation, i, sizes.length, sizes.words);
    all.insert(all.end(), one.begin(), one.end());
  }
  writer.append(Split::kValidation, all);
  CHECK(writer.sequences(Split::kTrain) == sizes.train);
  CHECK(writer.sequences(Split::kValidation) == sizes.validation);
  Json manifest;
  manifest["files"] = {"a.txt", "b.txt.gz"};
  writer.finish("{\"tokenizer\": true}", manifest);
}

void check_store(const TokenStoreReader& store, const Sizes& sizes) {
  CHECK(store.vocabulary_size() == sizes.words);
  CHECK(store.sequence_length() == sizes.length);
  CHECK(store.sequences(Split::kTrain) == sizes.train);
  CHECK(store.sequences(Split::kValidation) == sizes.validation);
  CHECK(store.tokenizer_json() == "{\"tokenizer\": true}");
  CHECK(store.manifest()["files"][1] == "b.txt.gz");
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(sizes.words));
  std::vector<std::int32_t> read(static_cast<std::size_t>(sizes.length));
  for (const Split split : {Split::kTrain, Split::kValidation}) {
    for (std::int64_t i = store.sequences(split) - 1; i >= 0; --i) {
      store.read(split, i, read);
      REQUIRE(read == sequence_at(split, i, sizes.length, sizes.words));
      if (split == Split::kValidation) continue;
      for (const std::int32_t id : read) ++counts[static_cast<std::size_t>(id)];
    }
  }
  CHECK(store.unigram_counts() == counts);
}

TEST_CASE("token_store: what is appended is read, with 16-bit and 32-bit ids, empty splits too") {
  const TempDir dir;
  for (const Sizes& sizes :
       {Sizes{}, Sizes{.words = 65536}, Sizes{.words = 70000}, Sizes{.train = 0}, Sizes{.validation = 0},
        Sizes{.length = 1}, Sizes{.length = 100, .train = 11111}}) {
    write_store(dir / "tokens.h5", sizes);
    check_store(TokenStoreReader(dir / "tokens.h5"), sizes);
    check_store(open_token_store(dir.path(), Verify::kEverything), sizes);
  }
  const TokenStoreReader wide(dir / "tokens.h5");
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

TEST_CASE("token_store: the fingerprint follows the tokens and the tokenizer") {
  const TempDir dir;
  write_store(dir / "a.h5", {});
  write_store(dir / "b.h5", {});
  write_store(dir / "c.h5", {.train = 51});
  const std::string a = TokenStoreReader(dir / "a.h5").fingerprint();
  CHECK(a.size() == 16);
  CHECK(TokenStoreReader(dir / "b.h5").fingerprint() == a);
  CHECK(TokenStoreReader(dir / "c.h5").fingerprint() != a);
}

TEST_CASE("token_store: ids outside the vocabulary are refused, on the way in and out") {
  const TempDir dir;
  TokenStoreWriter writer(dir / "t.h5", {300, 2});
  const std::vector<std::int32_t> large{1, 300};
  const std::vector<std::int32_t> negative{-1, 2};
  CHECK(error_of([&] {
          writer.append(Split::kTrain, large);
        }).find("the token id 300 is outside the vocabulary of 300 words") != std::string::npos);
  CHECK(error_of([&] { writer.append(Split::kTrain, negative); }).find("the token id -1 ") !=
        std::string::npos);

  // A store that claims fewer words than its ids need.
  Hdf5Writer forged(dir / "f.h5", "token store", 1);
  forged.write_text("store.json", R"({"vocabulary_size":10,"sequence_length":2})");
  forged.write_text("manifest.json", "{}");
  forged.write_text("tokenizer.json", "{}");
  forged.write<std::uint64_t>("train/unigram_counts", {10}, std::vector<std::uint64_t>(10));
  forged.write<std::uint16_t>("train/tokens", {2, 2}, std::vector<std::uint16_t>{1, 2, 3, 10});
  forged.write<std::uint16_t>("validation/tokens", {0, 2}, std::vector<std::uint16_t>{});
  forged.commit();
  const TokenStoreReader store(dir / "f.h5");
  std::vector<std::int32_t> out(2);
  CHECK_NOTHROW(store.read(Split::kTrain, 0, out));
  CHECK(error_of([&] {
          store.read(Split::kTrain, 1, out);
        }).ends_with("f.h5: train/tokens: sequence 1 holds the id 10, outside the vocabulary of 10 words"));
}

TEST_CASE("token_store: a store whose parts contradict each other is refused") {
  const TempDir dir;
  const auto refusal = [&](const char* store, const Shape& shape) {
    Hdf5Writer forged(dir / "f.h5", "token store", 1);
    forged.write_text("store.json", store);
    forged.write_text("manifest.json", "{}");
    forged.write_text("tokenizer.json", "{}");
    forged.write<std::uint64_t>("train/unigram_counts", {10}, std::vector<std::uint64_t>(10));
    forged.write<std::uint16_t>("train/tokens", shape, std::vector<std::uint16_t>(4));
    forged.commit();
    return error_of([&] { TokenStoreReader reader(dir / "f.h5"); });
  };
  CHECK(refusal("{}", {2, 2}).ends_with("store.json: the key \"vocabulary_size\" is missing"));
  CHECK(
      refusal(R"({"vocabulary_size":0,"sequence_length":2})", {2, 2}).find("from 1 to 2147483648, found 0") !=
      std::string::npos);
  CHECK(
      refusal(R"({"vocabulary_size":11,"sequence_length":2})", {2, 2}).find("expected 11 counts, found 10") !=
      std::string::npos);
  CHECK(refusal(R"({"vocabulary_size":10,"sequence_length":3})", {2, 2})
            .find("expected uint16 of shape [sequences,3], found uint16 of shape [2,2]") !=
        std::string::npos);
  CHECK(refusal(R"({"vocabulary_size":10,"sequence_length":4})", {4}).find("found uint16 of shape [4]") !=
        std::string::npos);
  CHECK(refusal(R"({"vocabulary_size":10,"sequence_length":2})", {2, 2})
            .ends_with("it holds no dataset validation/tokens"));
  CHECK(error_of([&] { open_token_store(dir.path()); }).find("make it with `espalier prepare`") !=
        std::string::npos);
}

TEST_CASE("token_store: a flipped bit among the tokens is found when its block is first read") {
  const TempDir dir;
  const Sizes sizes{.length = 128, .train = 10000};  // 2.5 MB of tokens
  write_store(dir / "tokens.h5", sizes);
  Hdf5Dataset tokens;
  {
    const TokenStoreReader store(dir / "tokens.h5");
    for (const Hdf5Dataset& dataset : store.datasets())
      tokens = dataset.name == "train/tokens" ? dataset : tokens;
  }
  const std::int64_t bad = 5000;
  const auto at = static_cast<std::streamoff>(tokens.offset + static_cast<std::uint64_t>(bad) * 256 + 17);
  std::fstream file(dir / "tokens.h5", std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(at);
  const int value = file.get();
  file.seekp(at);
  file.put(static_cast<char>(value ^ 1));
  file.close();

  const TokenStoreReader store(dir / "tokens.h5");
  std::vector<std::int32_t> out(128);
  CHECK_NOTHROW(store.read(Split::kTrain, 0, out));
  CHECK_NOTHROW(store.read(Split::kTrain, 9999, out));
  // Any sequence of the damaged block, and again.
  for (const std::int64_t index : {bad, bad + 1, bad}) {
    CHECK(error_of([&] {
            store.read(Split::kTrain, index, out);
          }).find("damaged: dataset train/tokens, bytes ") != std::string::npos);
  }
  CHECK_THROWS_AS(store.verify_everything(), DamagedFile);
  CHECK_THROWS_AS(open_token_store(dir.path(), Verify::kEverything), DamagedFile);
}

TEST_CASE("token_store: many threads read at once") {
  const TempDir dir;
  const Sizes sizes{.length = 64, .train = 30000};
  write_store(dir / "tokens.h5", sizes);
  const TokenStoreReader store(dir / "tokens.h5");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (std::int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::vector<std::int32_t> out(64);
      for (std::int64_t i = 0; i < 3000; ++i) {
        const std::int64_t index = (i * 7 + t * 11) * 97 % sizes.train;
        store.read(Split::kTrain, index, out);
        if (out != sequence_at(Split::kTrain, index, 64, sizes.words)) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}

TEST_CASE("token_store: any failing call while writing leaves the store of before") {
  const TempDir dir;
  write_store(dir / "t.h5", {});
  const std::string before = read_text(dir / "t.h5");
  std::uint64_t calls = 0;
  {
    const ScopedFault counter;
    write_store(dir / "u.h5", {.train = 60});
    calls = counter.calls();
  }
  const std::string after = read_text(dir / "u.h5");
  std::filesystem::remove(dir / "u.h5");
  for (std::uint64_t n = 1; n <= calls; ++n) {
    INFO("call " << n << " of " << calls);
    {
      const ScopedFault armed({Fault::kError, n, EIO});
      CHECK(error_of([&] { write_store(dir / "t.h5", {.train = 60}); }).find("could not be written: ") !=
            std::string::npos);
    }
    CHECK(read_text(dir / "t.h5") == (n == calls ? after : before));
    // The spool keeps its name where its unlink failed; everything else is gone.
    CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == (n == 3 ? 2 : 1));
    std::filesystem::remove_all(dir.path());
    std::filesystem::create_directories(dir.path());
    if (n < calls) write_store(dir / "t.h5", {});
  }
}

}  // namespace
}  // namespace espalier::io
