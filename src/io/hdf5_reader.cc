#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

#include "espalier/base/error.h"
#include "io/hdf5_driver.h"
#include "io/hdf5_library.h"
#include "io/mapped_file.h"
#include "io/sealed_file.h"

namespace espalier::io {

namespace {

// What libhdf5 tells about the datasets that the layout names.
class Catalogue {
 public:
  explicit Catalogue(const SealedFile& sealed) : sealed_(sealed) {}
  std::vector<Hdf5Dataset> read();

 private:
  [[noreturn]] void fail(const std::string& name, const std::string& what) const {
    if (driver_.error != 0) {
      throw RunError(
          fmt::format("{}: reading failed: {}", sealed_.path().string(), std::strerror(driver_.error)));
    }
    throw InputError(
        fmt::format("{}: {}{}{}", sealed_.path().string(), name, name.empty() ? "" : ": ", what));
  }
  void expect_hard_links(hid_t file, const std::string& name) const;
  Hdf5Dataset describe(hid_t file, const Extent& extent) const;
  Hdf5Type type_of(hid_t dataset, const std::string& name) const;
  Shape shape_of(hid_t dataset, const std::string& name) const;

  const SealedFile& sealed_;
  DriverFile driver_;
};

std::vector<Hdf5Dataset> Catalogue::read() {
  const Hdf5Lock lock;
  driver_.fd = sealed_.file().get();
  driver_.bytes = sealed_.bytes();
  const Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  if (!access || use_driver(access.get(), &driver_) < 0)
    fail("", "HDF5 could not start: " + hdf5_error_text());
  const Hdf5Handle file(H5Fopen(sealed_.path().c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!file) fail("", "HDF5 could not open it: " + hdf5_error_text());
  std::vector<Hdf5Dataset> datasets;
  for (const Extent& extent : sealed_.extents()) datasets.push_back(describe(file.get(), extent));
  return datasets;
}

// A soft or external link could lead anywhere.
void Catalogue::expect_hard_links(hid_t file, const std::string& name) const {
  for (std::size_t end = name.find('/'); true; end = name.find('/', end + 1)) {
    H5L_info_t info{};
    const std::string part = name.substr(0, end);
    if (part.empty() || H5Lget_info(file, part.c_str(), &info, H5P_DEFAULT) < 0 ||
        info.type != H5L_TYPE_HARD) {
      fail(name, "the layout names this dataset, but the file does not hold it");
    }
    if (end == name.npos) return;
  }
}

Hdf5Type Catalogue::type_of(hid_t dataset, const std::string& name) const {
  const Hdf5Handle type(H5Dget_type(dataset), H5Tclose);
  for (const Hdf5Type candidate : {Hdf5Type::kFloat32, Hdf5Type::kInt32, Hdf5Type::kInt64, Hdf5Type::kUint8,
                                   Hdf5Type::kUint16, Hdf5Type::kUint32, Hdf5Type::kUint64}) {
    if (type && H5Tequal(type.get(), hdf5_stored_type(candidate)) > 0) return candidate;
  }
  fail(name, "its numbers are of a type that Espalier does not write");
}

Shape Catalogue::shape_of(hid_t dataset, const std::string& name) const {
  const Hdf5Handle space(H5Dget_space(dataset), H5Sclose);
  const int rank = space ? H5Sget_simple_extent_ndims(space.get()) : -1;
  const H5S_class_t kind = space ? H5Sget_simple_extent_type(space.get()) : H5S_NO_CLASS;
  if (rank < 0 || rank > Shape::kMaxRank || (kind != H5S_SIMPLE && kind != H5S_SCALAR)) {
    fail(name, fmt::format("expected a shape of at most {} axes", Shape::kMaxRank));
  }
  std::array<hsize_t, Shape::kMaxRank> extents{};
  if (H5Sget_simple_extent_dims(space.get(), extents.data(), nullptr) != rank)
    fail(name, "its shape can't be read");
  std::vector<std::int64_t> checked;
  std::uint64_t elements = 1;
  for (int axis = 0; axis < rank; ++axis) {
    const hsize_t extent = extents[static_cast<std::size_t>(axis)];
    if (extent >> 62U != 0 || __builtin_mul_overflow(elements, extent, &elements) || elements >> 59U != 0) {
      fail(name, "its shape is impossibly large");
    }
    checked.push_back(static_cast<std::int64_t>(extent));
  }
  return Shape(checked);
}

Hdf5Dataset Catalogue::describe(hid_t file, const Extent& extent) const {
  const std::string& name = extent.name;
  expect_hard_links(file, name);
  const Hdf5Handle dataset(H5Dopen2(file, name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!dataset) fail(name, "HDF5 could not open the dataset: " + hdf5_error_text());
  const Hdf5Handle creation(H5Dget_create_plist(dataset.get()), H5Pclose);
  if (!creation || H5Pget_layout(creation.get()) != H5D_CONTIGUOUS ||
      H5Pget_external_count(creation.get()) != 0) {
    fail(name, "expected a contiguous dataset inside the file");
  }
  Hdf5Dataset found{name, type_of(dataset.get(), name), shape_of(dataset.get(), name), extent.bytes,
                    extent.offset};
  const std::uint64_t bytes =
      static_cast<std::uint64_t>(found.shape.elements()) * hdf5_type_bytes(found.type);
  if (bytes != extent.bytes || (bytes > 0 && H5Dget_offset(dataset.get()) != extent.offset)) {
    fail(name, fmt::format("HDF5 and the layout contradict each other ({} of shape {}, {} bytes at byte {})",
                           hdf5_type_name(found.type), found.shape.str(), extent.bytes, extent.offset));
  }
  return found;
}

}  // namespace

struct Hdf5Reader::State {
  SealedFile sealed;
  std::vector<Hdf5Dataset> datasets;
  std::map<std::string, std::size_t> by_name;

  explicit State(const std::filesystem::path& path) : sealed(path) {}
};

Hdf5Reader::Hdf5Reader(const std::filesystem::path& path, const std::string& kind,
                       std::uint32_t newest_version, Verify verify)
    : state_(std::make_unique<State>(path)) {
  const SealedFile& sealed = state_->sealed;
  if (sealed.kind() != kind) {
    throw InputError(fmt::format("{}: this is a {}, expected a {}", path.string(), sealed.kind(), kind));
  }
  if (sealed.version() > newest_version) {
    throw InputError(
        fmt::format("{}: written by a newer version of Espalier ({} format {}, this program reads up "
                    "to {}): update the program",
                    path.string(), kind, sealed.version(), newest_version));
  }
  if (verify == Verify::kEverything) sealed.verify_everything();
  state_->datasets = Catalogue(sealed).read();
  for (std::size_t i = 0; i < state_->datasets.size(); ++i) state_->by_name[state_->datasets[i].name] = i;
}

Hdf5Reader::~Hdf5Reader() = default;
Hdf5Reader::Hdf5Reader(Hdf5Reader&&) noexcept = default;
Hdf5Reader& Hdf5Reader::operator=(Hdf5Reader&&) noexcept = default;

const std::filesystem::path& Hdf5Reader::path() const {
  return state_->sealed.path();
}
std::uint32_t Hdf5Reader::version() const {
  return state_->sealed.version();
}
std::uint64_t Hdf5Reader::file_bytes() const {
  return state_->sealed.bytes();
}
const std::vector<Hdf5Dataset>& Hdf5Reader::datasets() const {
  return state_->datasets;
}
bool Hdf5Reader::contains(const std::string& name) const {
  return state_->by_name.contains(name);
}

const Hdf5Dataset& Hdf5Reader::dataset(const std::string& name) const {
  const auto found = state_->by_name.find(name);
  if (found == state_->by_name.end()) {
    throw InputError(fmt::format("{}: it holds no dataset {}", path().string(), name));
  }
  return state_->datasets[found->second];
}

const Hdf5Dataset& Hdf5Reader::typed(const std::string& name, Hdf5Type type) const {
  const Hdf5Dataset& found = dataset(name);
  if (found.type != type) {
    throw InputError(fmt::format("{}: {}: expected {}, found {}", path().string(), name, hdf5_type_name(type),
                                 hdf5_type_name(found.type)));
  }
  return found;
}

std::string Hdf5Reader::read_text(const std::string& name) const {
  const Hdf5Dataset& from = typed(name, Hdf5Type::kUint8);
  std::string text(static_cast<std::size_t>(from.bytes), '\0');
  read_bytes(from, 0, text.data(), text.size());
  return text;
}

Tensor Hdf5Reader::read_tensor(const std::string& name) const {
  const Hdf5Dataset& from = typed(name, Hdf5Type::kFloat32);
  const SealedFile& sealed = state_->sealed;
  if (Tensor tensor = sealed.mapped().tensor<float>(from.offset, from.shape); tensor.defined()) {
    sealed.verify(index_of(from), 0, from.bytes);
    return tensor;
  }
  Tensor tensor = Tensor::empty(from.shape);
  read_bytes(from, 0, tensor.data(), static_cast<std::size_t>(from.bytes));
  return tensor;
}

std::size_t Hdf5Reader::index_of(const Hdf5Dataset& dataset) const {
  const auto index = static_cast<std::size_t>(&dataset - state_->datasets.data());
  ESPALIER_CHECK(index < state_->datasets.size());
  return index;
}

void Hdf5Reader::read_bytes(const Hdf5Dataset& dataset, std::uint64_t begin, void* data,
                            std::size_t size) const {
  state_->sealed.read(index_of(dataset), begin, static_cast<std::byte*>(data), size);
}

std::uint64_t Hdf5Reader::fingerprint(const Hdf5Dataset& dataset) const {
  const std::vector<std::uint64_t>& sums = state_->sealed.extents()[index_of(dataset)].checksums;
  return checksum(sums.data(), sums.size() * sizeof(sums[0]));
}

void Hdf5Reader::verify_everything() const {
  state_->sealed.verify_everything();
}

std::string hdf5_kind(const std::filesystem::path& path) {
  return SealedFile(path).kind();
}

}  // namespace espalier::io
