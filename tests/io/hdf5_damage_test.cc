// Damage to files at rest: no flipped bit and no missing byte may go unnoticed, and libhdf5 must never see
// it.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <functional>

#include "espalier/base/philox.h"
#include "espalier/io/checkpoint.h"
#include "espalier/io/hdf5_file.h"
#include "espalier/io/token_store.h"
#include "io/hdf5_driver.h"
#include "io/sealed_file.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::error_of;
using testing::random_tensor;
using testing::read_text;
using testing::TempDir;

// Three tensors, of which one has several blocks, and two texts.
std::filesystem::path write_sample(const TempDir& dir) {
  Hdf5Writer writer(dir / "sample.h5", "test", 1);
  writer.write("model/small", random_tensor({10, 10}, 1));
  writer.write("model/large", random_tensor({700, 1000}, 2));
  writer.write_text("config.yaml", std::string(3000, 'c'));
  writer.write("optimizer/large", random_tensor({300, 1000}, 3));
  writer.write_text("state.json", "{}");
  writer.commit();
  return dir / "sample.h5";
}

void flip(const std::filesystem::path& path, std::uint64_t byte, int bit) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(byte));
  const int value = file.get();
  file.seekp(static_cast<std::streamoff>(byte));
  file.put(static_cast<char>(value ^ (1 << bit)));
  REQUIRE(file.good());
}

void open_all(const std::filesystem::path& path) {
  Hdf5Reader reader(path, "test", 1, Verify::kEverything);
}

TEST_CASE("damage: 600 flipped bits, all found before libhdf5 opens the file, datasets named") {
  const TempDir dir;
  const auto path = write_sample(dir);
  const std::vector<Hdf5Dataset> datasets = Hdf5Reader(path, "test", 1, Verify::kEverything).datasets();
  const std::uint64_t bytes = std::filesystem::file_size(path);
  const Philox random(7, RandomStream::kTest);
  int in_datasets = 0;
  int in_structure = 0;
  const std::uint64_t opens = driver_opens();
  for (std::uint64_t i = 0; i < 600; ++i) {
    // Half of the tries where most of the structure is, in the first and last pages.
    const auto draw = static_cast<double>(random.uniform(2 * i));
    const std::uint64_t window = i % 2 == 0 ? bytes : 8192;
    std::uint64_t at = std::min(static_cast<std::uint64_t>(draw * static_cast<double>(window)), window - 1);
    if (i % 4 == 3) at = bytes - 1 - at;
    const int bit = static_cast<int>(random.uniform(2 * i + 1) * 8) % 8;
    flip(path, at, bit);
    const std::string message = error_of([&] { open_all(path); });
    flip(path, at, bit);
    std::string expected = at < 16 ? "this is not an Espalier file" : "damaged: file structure, bytes ";
    for (const Hdf5Dataset& dataset : datasets) {
      if (at < dataset.offset || at >= dataset.offset + dataset.bytes) continue;
      expected = "damaged: dataset " + dataset.name + ", bytes ";
      ++in_datasets;
    }
    in_structure += expected.find("structure") != std::string::npos ? 1 : 0;
    CHECK_MESSAGE(message.find(expected) != std::string::npos, "byte ", at, " bit ", bit, ": ", message);
  }
  CHECK(driver_opens() == opens);
  CHECK(in_datasets > 200);
  CHECK(in_structure > 100);
  CHECK_NOTHROW(open_all(path));
  CHECK(driver_opens() == opens + 1);
}

// Flips random bits of a file one by one; `read` must refuse each. Returns how many lay in a dataset.
int check_flips(const std::filesystem::path& path, int tries, const std::function<void()>& read) {
  const std::uint64_t bytes = std::filesystem::file_size(path);
  const std::vector<Extent> datasets = SealedFile(path).extents();
  const Philox random(8, RandomStream::kTest);
  const std::uint64_t opens = driver_opens();
  int in_datasets = 0;
  for (int i = 0; i < tries; ++i) {
    const auto draw = static_cast<std::uint64_t>(2 * i);
    const std::uint64_t at = random.below(draw, static_cast<std::uint32_t>(bytes));
    const int bit = static_cast<int>(random.below(draw + 1, 8));
    flip(path, at, bit);
    const std::string message = error_of(read);
    flip(path, at, bit);
    const auto hit = std::find_if(datasets.begin(), datasets.end(), [at](const Extent& dataset) {
      return at >= dataset.offset && at < dataset.offset + dataset.bytes;
    });
    in_datasets += hit != datasets.end() ? 1 : 0;
    const std::string part = hit != datasets.end() ? hit->name : "";
    CHECK_MESSAGE(message.find(part) != std::string::npos, "byte ", at, " bit ", bit, ": ", message);
    CHECK_MESSAGE(!message.empty(), "byte ", at, " bit ", bit, " went unnoticed");
  }
  CHECK(driver_opens() == opens);
  CHECK_NOTHROW(read());
  return in_datasets;
}

TEST_CASE("damage: 10,000 flipped bits of a checkpoint and a token store, none unnoticed, datasets named") {
  const TempDir dir;
  Checkpoint checkpoint;
  checkpoint.kind = "model";
  checkpoint.model = {{"encoder.a", random_tensor({40, 30}, 1)}, {"encoder.b", random_tensor({7}, 2)}};
  checkpoint.optimizer = {{"exp_avg.encoder.a", random_tensor({40, 30}, 3)}};
  checkpoint.tokenizer_json = std::string(2000, 't');
  save_checkpoint(dir / "last.h5", checkpoint);
  CHECK(check_flips(dir / "last.h5", 7000, [&] { load_checkpoint(dir / "last.h5"); }) > 1000);

  TokenStoreWriter writer(dir / "tokens.h5", {.vocabulary_size = 9, .sequence_length = 4});
  for (int i = 0; i < 500; ++i) writer.append(Split::kTrain, std::vector<std::int32_t>{1, 2, 3, 8});
  writer.finish("{}", Json::object());
  CHECK(check_flips(dir / "tokens.h5", 3000,
                    [&] { TokenStoreReader(dir / "tokens.h5", Verify::kEverything); }) > 500);
}

TEST_CASE("damage: the message gives the bytes of the block, and the part is available to programs") {
  const TempDir dir;
  const auto path = write_sample(dir);
  const Hdf5Dataset large = Hdf5Reader(path, "test", 1, Verify::kAsRead).dataset("model/large");
  flip(path, large.offset + kBlockBytes + 5, 0);
  try {
    open_all(path);
    FAIL("not detected");
  } catch (const DamagedFile& error) {
    CHECK(error.part() == "model/large");
    CHECK(std::string(error.what()) == path.string() + ": damaged: dataset model/large, bytes " +
                                           std::to_string(large.offset + kBlockBytes) + "-" +
                                           std::to_string(large.offset + 2 * kBlockBytes - 1) +
                                           ": the checksum does not match; take another copy");
  }
}

TEST_CASE("damage: opened lazily, structure is verified at once and a block when it is read") {
  const TempDir dir;
  const auto path = write_sample(dir);
  const Hdf5Dataset large = Hdf5Reader(path, "test", 1, Verify::kAsRead).dataset("model/large");
  flip(path, large.offset + kBlockBytes + 5, 0);
  const Hdf5Reader reader(path, "test", 1, Verify::kAsRead);
  CHECK_NOTHROW(reader.read_tensor("model/small"));
  std::vector<char> bytes(kBlockBytes);
  CHECK_NOTHROW(reader.read_bytes(reader.dataset("model/large"), 0, bytes.data(), bytes.size()));
  CHECK_THROWS_AS(reader.read_bytes(reader.dataset("model/large"), 1, bytes.data(), bytes.size()),
                  DamagedFile);
  CHECK_THROWS_AS(reader.read_tensor("model/large"), DamagedFile);
  CHECK_THROWS_AS(reader.verify_everything(), DamagedFile);
}

TEST_CASE(
    "damage: of what is read at once the first damaged block is named, and parts of blocks are verified") {
  const TempDir dir;
  Hdf5Writer writer(dir / "sample.h5", "test", 1);
  writer.write("x", random_tensor({9, 1 << 18}, 5));
  writer.commit();
  const auto path = dir / "sample.h5";
  const Hdf5Reader whole(path, "test", 1, Verify::kAsRead);
  const Hdf5Dataset& x = whole.dataset("x");
  std::vector<char> all(static_cast<std::size_t>(x.bytes)), part(3 * kBlockBytes);
  whole.read_bytes(x, 0, all.data(), all.size());
  for (const std::uint64_t begin : {std::uint64_t{5}, kBlockBytes, kBlockBytes + 7, x.bytes - part.size()}) {
    INFO(begin);
    const Hdf5Reader fresh(path, "test", 1, Verify::kAsRead);
    fresh.read_bytes(fresh.dataset("x"), begin, part.data(), part.size());
    CHECK(std::equal(part.begin(), part.end(), all.begin() + static_cast<std::ptrdiff_t>(begin)));
  }
  flip(path, x.offset + 6 * kBlockBytes + 5, 0);
  flip(path, x.offset + 3 * kBlockBytes + 9, 0);
  const Hdf5Reader damaged(path, "test", 1, Verify::kAsRead);
  const std::string named = "dataset x, bytes " + std::to_string(x.offset + 3 * kBlockBytes) + "-";
  CHECK(error_of([&] { damaged.read_tensor("x"); }).find(named) != std::string::npos);
  // Blocks 0 and 1, and the beginning of the third from the damage on: all of a block is verified.
  CHECK_NOTHROW(damaged.read_bytes(damaged.dataset("x"), 0, part.data(), part.size()));
  CHECK_THROWS_AS(damaged.read_bytes(damaged.dataset("x"), kBlockBytes, part.data(), 2 * kBlockBytes + 1),
                  DamagedFile);
}

TEST_CASE("damage: truncated anywhere, or with something appended") {
  const TempDir dir;
  const auto path = write_sample(dir);
  const std::string whole = read_text(path);
  const std::uint64_t opens = driver_opens();
  const auto check_cut = [&](std::size_t length) {
    const std::string message = error_of([&] { open_all(dir.write("cut.h5", whole.substr(0, length))); });
    CHECK_MESSAGE(message.find(length == 0 ? "the file is empty" : "truncated: ") != std::string::npos,
                  message);
  };
  for (const std::size_t length : {0UL, 1UL, 15UL, 16UL, 17UL, 511UL, 4095UL, 4096UL, 4097UL, 4608UL})
    check_cut(length);
  for (std::size_t length = 5000; length < whole.size(); length += 49999) check_cut(length);
  for (std::size_t missing = 1; missing < 200; missing += 7) check_cut(whole.size() - missing);
  CHECK(error_of([&] { open_all(dir.write("cut.h5", whole + "x")); }).find("something was appended to it") !=
        std::string::npos);
  CHECK(driver_opens() == opens);
}

// Seals forged bytes again, as a forger could.
void reseal(std::string& bytes, const std::string& layout_from, const std::string& layout_to) {
  REQUIRE(layout_from.size() == layout_to.size());
  std::uint64_t place = 0;
  std::uint64_t size = 0;
  std::memcpy(&place, bytes.data() + 56, 8);
  std::memcpy(&size, bytes.data() + 64, 8);
  const std::size_t at = bytes.find(layout_from, static_cast<std::size_t>(place));
  REQUIRE(at != bytes.npos);
  bytes.replace(at, layout_to.size(), layout_to);
  const std::uint64_t sum = checksum(bytes.data() + place, static_cast<std::size_t>(size));
  std::memcpy(bytes.data() + 72, &sum, 8);
  const std::uint64_t own = checksum(bytes.data(), 4088);
  std::memcpy(bytes.data() + 4088, &own, 8);
}

TEST_CASE("damage: a layout that lies behind a valid checksum is refused") {
  const TempDir dir;
  {
    Hdf5Writer writer(dir / "f.h5", "test", 1);
    writer.write("model/small", random_tensor({10, 10}, 1));
    writer.commit();
  }
  const std::string whole = read_text(dir / "f.h5");
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string bytes = whole;
    reseal(bytes, from, to);
    return error_of([&] { open_all(dir.write("forged.h5", bytes)); });
  };
  const auto says = [](const std::string& text, const std::string& part) {
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  };
  says(refusal("\"bytes\": 400", "\"bytes\": 401"), "damaged: file structure");
  says(refusal("\"bytes\": 400", "\"bytes\": 9e2"), "expected a whole number of at least 0, found 900.0");
  says(refusal("\"bytes\": 400", "\"bytes\": \"4\""),
       "bytes: expected a whole number of at least 0, found the string");
  says(refusal("\"bytes\": 400", "\"bytes\":9999"), "outside the file");
  says(refusal("\"offset\":", "\"offsit\":"), "the key \"offset\" is missing");
  says(refusal("\"offset\": ", "\"offset\":9"), "outside the file");
  says(refusal("\"checksums\": \"", "\"checksums\":\"g"), "checksums of 16 hexadecimal digits");
  says(refusal("\"datasets\"", "\"datasats\""), "the key \"datasets\" is missing");
  says(refusal("{\n", "[\n"), "not valid JSON");
  // Structure that is no longer covered shows as damage even if the layout is sealed anew.
  says(refusal("model/small", "model/smell"), "damaged: file structure");
}

}  // namespace
}  // namespace espalier::io
