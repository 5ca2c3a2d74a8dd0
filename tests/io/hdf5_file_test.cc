#include "espalier/io/hdf5_file.h"

#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <numeric>
#include <thread>

#include "espalier/tensor/pool.h"
#include "io/hdf5_driver.h"
#include "io/hdf5_library.h"
#include "io/sealed_file.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::error_of;
using testing::random_tensor;
using testing::read_text;
using testing::TempDir;

template <class Value>
std::vector<Value> count_up(std::size_t size) {
  std::vector<Value> values(size);
  std::iota(values.begin(), values.end(), Value{3});
  return values;
}

template <class Value>
void write_and_read(const TempDir& dir) {
  const std::vector<Value> values = count_up<Value>(6 * 50);
  {
    Hdf5Writer writer(dir / "t.h5", "test", 1);
    writer.write<Value>("numbers", {6, 50}, values);
    writer.commit();
  }
  const Hdf5Reader reader(dir / "t.h5", "test", 1, Verify::kEverything);
  CHECK(reader.dataset("numbers").shape == Shape({6, 50}));
  CHECK(reader.read<Value>("numbers") == values);
}

TEST_CASE("hdf5: every type of number makes the round trip") {
  const TempDir dir;
  write_and_read<float>(dir);
  write_and_read<std::int32_t>(dir);
  write_and_read<std::int64_t>(dir);
  write_and_read<std::uint8_t>(dir);
  write_and_read<std::uint16_t>(dir);
  write_and_read<std::uint32_t>(dir);
  write_and_read<std::uint64_t>(dir);
}

TEST_CASE("hdf5: tensors, texts, empty and scalar datasets, datasets in pieces") {
  const TempDir dir;
  const Tensor big = random_tensor({1300, 700}, 1);  // 3.6 MB: several blocks
  {
    Hdf5Writer writer(dir / "t.h5", "test", 7);
    writer.write("group/big", big);
    writer.write("group/scalar", Tensor::full({}, 2.5F));
    writer.write("empty", Tensor::empty({0, 5}));
    writer.write_text("text", "caf\u00e9\n");
    writer.write_text("no text", "");
    writer.begin("pieces", Hdf5Type::kFloat32, {1300, 700});
    for (std::int64_t row = 0; row < 1300; row += 13) {
      const Tensor rows = big.slice_rows(row, row + 13);
      writer.append(rows.data(), rows.span().size_bytes());
    }
    CHECK(!std::filesystem::exists(dir / "t.h5"));
    writer.commit();
  }
  const Hdf5Reader reader(dir / "t.h5", "test", 9, Verify::kAsRead);
  CHECK(reader.version() == 7);
  CHECK(reader.read_tensor("group/big").to_vector() == big.to_vector());
  CHECK(reader.read_tensor("pieces").to_vector() == big.to_vector());
  CHECK(reader.read_tensor("group/scalar").shape() == Shape({}));
  CHECK(reader.read_tensor("group/scalar").data()[0] == 2.5F);
  CHECK(reader.read_tensor("empty").shape() == Shape({0, 5}));
  CHECK(reader.read_text("text") == "caf\u00e9\n");
  CHECK(reader.read_text("no text").empty());
  std::vector<std::string> names;
  for (const Hdf5Dataset& dataset : reader.datasets()) names.push_back(dataset.name);
  CHECK(names == std::vector<std::string>{"group/big", "group/scalar", "empty", "text", "no text", "pieces"});
  float value = 0;
  reader.read_bytes(reader.dataset("pieces"), 4 * 700 * 1299, &value, 4);
  CHECK(value == big.data()[700 * 1299]);
  CHECK(hdf5_kind(dir / "t.h5") == "test");

  CHECK(error_of([&] { reader.dataset("x"); }).ends_with("t.h5: it holds no dataset x"));
  CHECK(error_of([&] { reader.read_text("pieces"); }).ends_with("pieces: expected uint8, found float32"));
}

TEST_CASE(
    "hdf5: tensors are the file's pages, whatever becomes of the name; where floats cannot lie, copies") {
  const TempDir dir;
  const Tensor written = random_tensor({1300, 700}, 6);
  {
    Hdf5Writer writer(dir / "t.h5", "test", 1);
    writer.write("first", written);
    writer.write_text("text", "moves what follows to odd places");
    writer.write_text("more", "7 bytes");
    writer.write("last", written);
    writer.commit();
  }
  auto reader = std::make_unique<Hdf5Reader>(dir / "t.h5", "test", 1, Verify::kAsRead);
  const std::int64_t live = pool_statistics().live_bytes;
  const Tensor mapped = reader->read_tensor("first");
  CHECK(pool_statistics().live_bytes == live);
  CHECK(!mapped.shared());
  REQUIRE(reader->dataset("last").offset % 4 != 0);
  const Tensor copied = reader->read_tensor("last");
  CHECK(pool_statistics().live_bytes > live);
  reader.reset();
  std::filesystem::remove(dir / "t.h5");
  CHECK(mapped.to_vector() == written.to_vector());
  CHECK(copied.to_vector() == written.to_vector());
}

TEST_CASE("hdf5: the same content gives the same bytes") {
  const TempDir dir;
  for (const char* name : {"a.h5", "b.h5"}) {
    // A time stamp in the second file would differ.
    if (std::string(name) == "b.h5") std::this_thread::sleep_for(std::chrono::milliseconds(1100));
    Hdf5Writer writer(dir / name, "test", 1);
    writer.write("g/w", random_tensor({3, 4}, 1));
    writer.write_text("text", "x");
    writer.commit();
  }
  CHECK(read_text(dir / "a.h5") == read_text(dir / "b.h5"));
}

TEST_CASE("hdf5: other programs read the files with HDF5's own driver") {
  const TempDir dir;
  const Tensor tensor = random_tensor({30, 20}, 1);
  {
    Hdf5Writer writer(dir / "t.h5", "test", 5);
    writer.write("g/w", tensor);
    writer.commit();
  }
  const Hdf5Lock lock;
  const Hdf5Handle file(H5Fopen((dir / "t.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  REQUIRE(file);
  const Hdf5Handle dataset(H5Dopen2(file.get(), "/g/w", H5P_DEFAULT), H5Dclose);
  std::vector<float> values(600);
  REQUIRE(H5Dread(dataset.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
  CHECK(values == tensor.to_vector());
  const Hdf5Handle kind(H5Aopen(file.get(), "kind", H5P_DEFAULT), H5Aclose);
  const Hdf5Handle type(H5Aget_type(kind.get()), H5Tclose);
  char text[8] = {};
  REQUIRE(H5Tget_size(type.get()) == 4);
  REQUIRE(H5Aread(kind.get(), type.get(), text) >= 0);
  CHECK(std::string(text) == "test");
  const Hdf5Handle version(H5Aopen(file.get(), "format_version", H5P_DEFAULT), H5Aclose);
  unsigned number = 0;
  REQUIRE(H5Aread(version.get(), H5T_NATIVE_UINT, &number) >= 0);
  CHECK(number == 5);
}

TEST_CASE("hdf5: many datasets") {
  const TempDir dir;
  {
    Hdf5Writer writer(dir / "t.h5", "test", 1);
    for (int i = 0; i < 700; ++i) {
      writer.write("model/encoder.layers." + std::to_string(i) + ".weight",
                   Tensor::full({7}, static_cast<float>(i)));
    }
    writer.commit();
  }
  const Hdf5Reader reader(dir / "t.h5", "test", 1, Verify::kEverything);
  CHECK(reader.datasets().size() == 700);
  CHECK(reader.read_tensor("model/encoder.layers.613.weight").data()[6] == 613.0F);
}

TEST_CASE("hdf5: impossible names are refused") {
  const TempDir dir;
  Hdf5Writer writer(dir / "t.h5", "test", 1);
  writer.write_text("ok", "x");
  for (const std::string& name : {std::string(), std::string("a/b/c"), std::string("/a"), std::string("a/"),
                                  std::string("ok"), std::string("layout"), std::string("a\0b", 3)}) {
    CHECK(error_of([&] { writer.write_text(name, "x"); }).find("is no possible name") != std::string::npos);
  }
}

TEST_CASE("hdf5: files that are none of ours, of another kind, or too new") {
  const TempDir dir;
  const auto refusal = [](const std::filesystem::path& path) {
    return error_of([&] { Hdf5Reader reader(path, "test", 3, Verify::kAsRead); });
  };
  const std::uint64_t before = driver_opens();
  CHECK(refusal(dir / "none.h5").find("cannot be opened: No such file or directory") != std::string::npos);
  CHECK(refusal(dir.path()).find("is a folder") != std::string::npos);
  CHECK(refusal(dir.write("a.h5", "")).ends_with("a.h5: the file is empty"));
  CHECK(refusal(dir.write("a.h5", std::string(9000, 'x'))).ends_with("a.h5: this is not an Espalier file"));
  CHECK(refusal(dir.write("a.h5", "\x89HDF\r\n\x1a\n" + std::string(9000, 'x')))
            .find("written by another program") != std::string::npos);
  CHECK(driver_opens() == before);
  {
    Hdf5Writer writer(dir / "t.h5", "cake", 4);
    writer.commit();
  }
  CHECK(refusal(dir / "t.h5").ends_with("t.h5: this is a cake, expected a test"));
  CHECK(error_of([&] { Hdf5Reader reader(dir / "t.h5", "cake", 3, Verify::kAsRead); })
            .ends_with(
                "written by a newer version of Espalier (cake format 4, this program reads up to 3): update "
                "the program"));
  // A newer scheme of the container itself, its checksum in place.
  std::string bytes = read_text(dir / "t.h5");
  bytes[16] = 2;
  const std::uint64_t sum = checksum(bytes.data(), 4088);
  std::memcpy(bytes.data() + 4088, &sum, 8);
  CHECK(refusal(dir.write("n.h5", bytes)).find("written by a newer version of Espalier (file scheme 2") !=
        std::string::npos);
}

TEST_CASE("hdf5: segments grow with the file so that the table fits") {
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
  CHECK(segment_bytes_for(0) == kMiB);
  CHECK(segment_bytes_for(480 * kMiB) == kMiB);
  CHECK(segment_bytes_for(480 * kMiB + 1) == 2 * kMiB);
  CHECK(segment_bytes_for(100'000'000'000) == 256 * kMiB);
}

TEST_CASE("hdf5: checksums of blocks do not depend on how the data is cut") {
  const std::string data(3 * kBlockBytes / 2, 'q');
  BlockChecksums whole;
  whole.update(data.data(), data.size());
  BlockChecksums pieces;
  for (std::size_t at = 0; at < data.size(); at += 77777) {
    pieces.update(data.data() + at, std::min<std::size_t>(77777, data.size() - at));
  }
  const auto sums = whole.finish();
  CHECK(sums.size() == 2);
  CHECK(sums == pieces.finish());
  CHECK(sums[1] == checksum(data.data() + kBlockBytes, kBlockBytes / 2));
}

}  // namespace
}  // namespace espalier::io
