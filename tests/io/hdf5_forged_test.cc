// HDF5 files with valid checksums whose content is not what our writer makes: refused with a message,
// whatever they claim.
#include <doctest/doctest.h>

#include "espalier/io/hdf5_file.h"
#include "io/hdf5_library.h"
#include "io/sealed_file.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::error_of;
using testing::read_text;
using testing::TempDir;

constexpr std::size_t kLayoutBytes = 2000;

// Writes datasets of its own into an open HDF5 file and returns what the layout shall say of them.
using Fill = std::function<std::vector<Extent>(hid_t file)>;

Hdf5Handle make_dataset(hid_t file, const char* name, hid_t type, std::vector<hsize_t> shape,
                        hid_t creation = H5P_DEFAULT) {
  const Hdf5Handle space(H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr), H5Sclose);
  Hdf5Handle early(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_alloc_time(early.get(), H5D_ALLOC_TIME_EARLY);
  Hdf5Handle dataset(H5Dcreate2(file, name, type, space.get(), H5P_DEFAULT,
                                creation == H5P_DEFAULT ? early.get() : creation, H5P_DEFAULT),
                     H5Dclose);
  REQUIRE(dataset);
  return dataset;
}

Extent zeros(const std::string& name, std::uint64_t offset, std::uint64_t bytes) {
  BlockChecksums sums;
  const std::vector<char> data(static_cast<std::size_t>(bytes));
  sums.update(data.data(), data.size());
  return {name, offset, bytes, sums.finish()};
}

// An HDF5 file with a user block, sealed as ours are.
std::filesystem::path forge(const TempDir& dir, const Fill& fill) {
  std::vector<Extent> extents;
  LayoutPlace place{0, kLayoutBytes};
  {
    const Hdf5Lock lock;
    const Hdf5Handle creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
    H5Pset_userblock(creation.get(), kUserBlockBytes);
    const Hdf5Handle file(H5Fcreate((dir / "raw.h5").c_str(), H5F_ACC_TRUNC, creation.get(), H5P_DEFAULT),
                          H5Fclose);
    REQUIRE(file);
    extents = fill(file.get());
    const Hdf5Handle layout = make_dataset(file.get(), "layout", H5T_STD_U8LE, {kLayoutBytes});
    place.offset = H5Dget_offset(layout.get());
    std::string text = layout_text(extents);
    REQUIRE(text.size() <= kLayoutBytes);
    text.resize(kLayoutBytes, ' ');
    REQUIRE(H5Dwrite(layout.get(), H5T_STD_U8LE, H5S_ALL, H5S_ALL, H5P_DEFAULT, text.data()) >= 0);
  }
  const std::string bytes = read_text(dir / "raw.h5");
  AtomicFile file(dir / "forged.h5");
  file.append(bytes.data(), bytes.size());
  seal_file(file, "test", 1, extents, place);
  file.commit();
  return dir / "forged.h5";
}

std::string refusal(const Fill& fill) {
  const TempDir dir;
  const auto path = forge(dir, fill);
  return error_of([&] { Hdf5Reader reader(path, "test", 1, Verify::kAsRead); });
}

// One dataset "x" of this type and shape; the layout tells of `bytes` bytes at its place.
Fill one_dataset(hid_t type, std::vector<hsize_t> shape, std::uint64_t bytes) {
  return [=](hid_t file) {
    const Hdf5Handle dataset = make_dataset(file, "x", type, shape);
    return std::vector<Extent>{zeros("x", H5Dget_offset(dataset.get()), bytes)};
  };
}

void says(const std::string& text, const std::string& part) {
  CHECK_MESSAGE(text.find(part) != std::string::npos, text);
}

TEST_CASE("forged: the frame itself is accepted where the content is ours") {
  const TempDir dir;
  const auto path = forge(dir, one_dataset(H5T_IEEE_F32LE, {2, 3}, 24));
  const Hdf5Reader reader(path, "test", 1, Verify::kEverything);
  CHECK(reader.read_tensor("x").to_vector() == std::vector<float>(6));
}

TEST_CASE("forged: types and shapes") {
  says(refusal(one_dataset(H5T_IEEE_F32BE, {6}, 24)),
       "x: its numbers are of a type that Espalier does not write");
  says(refusal(one_dataset(H5T_IEEE_F64LE, {3}, 24)), "x: its numbers are of a type");
  says(refusal(one_dataset(H5T_C_S1, {24}, 24)), "x: its numbers are of a type");
  says(refusal(one_dataset(H5T_STD_U8LE, {1, 1, 1, 1, 1, 2, 12}, 24)),
       "x: expected a shape of at most 6 axes");
  says(refusal(one_dataset(H5T_STD_U8LE, {25}, 24)),
       "x: HDF5 and the layout contradict each other (uint8 of shape [25]");
  says(refusal(one_dataset(H5T_STD_U8LE, {23}, 24)), "contradict each other");
  says(refusal([](hid_t file) {
         const Hdf5Handle dataset = make_dataset(file, "x", H5T_STD_U8LE, {24});
         return std::vector<Extent>{zeros("x", H5Dget_offset(dataset.get()) + 1, 24)};
       }),
       "contradict each other");
}

TEST_CASE("forged: a shape far larger than the file, without storage") {
  says(refusal([](hid_t file) {
         const Hdf5Handle late(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
         H5Pset_alloc_time(late.get(), H5D_ALLOC_TIME_LATE);
         make_dataset(file, "x", H5T_IEEE_F32LE, {hsize_t{1} << 30U, hsize_t{1} << 29U}, late.get());
         return std::vector<Extent>{zeros("x", kUserBlockBytes, 0)};
       }),
       "x: its shape is impossibly large");
  says(refusal([](hid_t file) {
         const Hdf5Handle late(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
         H5Pset_alloc_time(late.get(), H5D_ALLOC_TIME_LATE);
         make_dataset(file, "x", H5T_IEEE_F32LE, {hsize_t{1} << 40U}, late.get());
         return std::vector<Extent>{zeros("x", kUserBlockBytes, 0)};
       }),
       "contradict each other");
}

TEST_CASE("forged: storage elsewhere") {
  says(refusal([](hid_t file) {
         const Hdf5Handle chunked(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
         const hsize_t chunk = 8;
         H5Pset_chunk(chunked.get(), 1, &chunk);
         make_dataset(file, "x", H5T_STD_U8LE, {24}, chunked.get());
         return std::vector<Extent>{zeros("x", kUserBlockBytes, 24)};
       }),
       "x: expected a contiguous dataset inside the file");
  says(refusal([](hid_t file) {
         const Hdf5Handle outside(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
         H5Pset_external(outside.get(), "/etc/hostname", 0, 24);
         make_dataset(file, "x", H5T_STD_U8LE, {24}, outside.get());
         return std::vector<Extent>{zeros("x", 0, 0)};
       }),
       "x: expected a contiguous dataset inside the file");
}

TEST_CASE("forged: names that lead elsewhere, or nowhere") {
  const auto named = [](const std::string& name) {
    return [name](hid_t file) {
      const Hdf5Handle dataset = make_dataset(file, "x", H5T_STD_U8LE, {24});
      H5Lcreate_soft("/x", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
      H5Lcreate_external("other.h5", "/x", file, "external", H5P_DEFAULT, H5P_DEFAULT);
      const Hdf5Handle group(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
      return std::vector<Extent>{zeros(name, H5Dget_offset(dataset.get()), 24)};
    };
  };
  for (const std::string name : {"soft", "external", "external/x", "absent", "group/absent", "", "/", "/x"}) {
    INFO(name);
    says(refusal(named(name)), "the layout names this dataset, but the file does not hold it");
  }
  says(refusal(named("group")), "group: HDF5 could not open the dataset");
}

}  // namespace
}  // namespace espalier::io
