// libhdf5 lays out the file and writes its structure; the numbers are written by our own calls into the
// places that it allots, which are contiguous and never filled by it.
#include <fmt/format.h>

#include <cerrno>
#include <optional>
#include <set>

#include "espalier/base/error.h"
#include "io/hdf5_driver.h"
#include "io/hdf5_library.h"
#include "io/sealed_file.h"

namespace espalier::io {

namespace {
constexpr const char* kLayoutName = "layout";
}  // namespace

struct Hdf5Writer::State {
  AtomicFile file;
  std::string kind;
  std::uint32_t version;
  DriverFile driver;
  Hdf5Handle handle;
  std::set<std::string> groups;
  std::set<std::string> names;
  std::vector<Extent> extents;
  // The dataset being written.
  std::optional<Extent> current;
  struct Rows {
    Hdf5Type type;
    std::int64_t columns;
  };
  std::optional<Rows> rows;  // where their number is not known yet
  std::uint64_t written = 0;
  BlockChecksums checksums;

  State(const std::filesystem::path& path, std::string kind_of, std::uint32_t version_of)
      : file(path), kind(std::move(kind_of)), version(version_of) {}
  // Without commit() it closes without a trace: nothing more is written, the file is about to be removed.
  ~State() {
    if (!handle) return;
    const Hdf5Lock lock;
    if (driver.error == 0) driver.error = ECANCELED;
    handle.reset();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  // Throws what the driver met, else what the library says, if `result` tells of a failure or the driver
  // failed.
  void check(herr_t result, const std::string& what) const {
    if (driver.error != 0) throw_write_failure(file.path(), driver.operation, driver.error);
    if (result < 0) {
      throw RunError(fmt::format("{}: HDF5 could not {}: {}", file.path().string(), what, hdf5_error_text()));
    }
  }
  Hdf5Handle checked(Hdf5Handle made, const std::string& what) const {
    check(made ? 0 : -1, what);
    return made;
  }

  void create_file();
  void create_group_of(const std::string& name);
  std::uint64_t create_dataset(const std::string& name, Hdf5Type type, const Shape& shape);
  void write_attribute(const char* name, hid_t type, const void* value);
  void check_name(const std::string& name);
  void finish_dataset();
  void lay_out_rows();
};

void Hdf5Writer::State::create_file() {
  driver.fd = file.fd();
  driver.writable = true;
  const Hdf5Handle creation = checked({H5Pcreate(H5P_FILE_CREATE), H5Pclose}, "start a file");
  const Hdf5Handle access = checked({H5Pcreate(H5P_FILE_ACCESS), H5Pclose}, "start a file");
  check(H5Pset_userblock(creation.get(), kUserBlockBytes), "set the user block");
  // No time stamps: the same content gives the same bytes.
  check(H5Pset_obj_track_times(creation.get(), false), "turn off time stamps");
  check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V110), "set the format version");
  check(use_driver(access.get(), &driver), "use the file driver");
  const std::string name = file.temporary().string();
  handle = checked({H5Fcreate(name.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose},
                   "create the file");
  const Hdf5Handle text = checked({H5Tcopy(H5T_C_S1), H5Tclose}, "make a text type");
  check(H5Tset_size(text.get(), kind.size()), "make a text type");
  write_attribute("kind", text.get(), kind.data());
  write_attribute("format_version", H5T_STD_U32LE, &version);
}

void Hdf5Writer::State::write_attribute(const char* name, hid_t type, const void* value) {
  const Hdf5Handle space = checked({H5Screate(H5S_SCALAR), H5Sclose}, "make a scalar");
  const Hdf5Handle attribute =
      checked({H5Acreate2(handle.get(), name, type, space.get(), H5P_DEFAULT, H5P_DEFAULT), H5Aclose},
              "create an attribute");
  check(H5Awrite(attribute.get(), type, value), "write an attribute");
}

void Hdf5Writer::State::create_group_of(const std::string& name) {
  const std::size_t slash = name.find('/');
  if (slash == name.npos || !groups.insert(name.substr(0, slash)).second) return;
  const Hdf5Handle creation = checked({H5Pcreate(H5P_GROUP_CREATE), H5Pclose}, "start a group");
  check(H5Pset_obj_track_times(creation.get(), false), "turn off time stamps");
  const std::string group = name.substr(0, slash);
  checked({H5Gcreate2(handle.get(), group.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), H5Gclose},
          "create the group " + group);
}

// Returns the offset in the file of the dataset's bytes, 0 if it has none.
std::uint64_t Hdf5Writer::State::create_dataset(const std::string& name, Hdf5Type type, const Shape& shape) {
  std::vector<hsize_t> sides;
  for (const std::int64_t side : shape.extents()) sides.push_back(static_cast<hsize_t>(side));
  const std::string what = "create the dataset " + name;
  const Hdf5Handle space = checked(
      {shape.rank() == 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(shape.rank(), sides.data(), nullptr),
       H5Sclose},
      what);
  const Hdf5Handle creation = checked({H5Pcreate(H5P_DATASET_CREATE), H5Pclose}, what);
  check(H5Pset_layout(creation.get(), H5D_CONTIGUOUS), what);
  check(H5Pset_alloc_time(creation.get(), H5D_ALLOC_TIME_EARLY), what);
  check(H5Pset_fill_time(creation.get(), H5D_FILL_TIME_NEVER), what);
  check(H5Pset_obj_track_times(creation.get(), false), what);
  const Hdf5Handle dataset = checked({H5Dcreate2(handle.get(), name.c_str(), hdf5_stored_type(type),
                                                 space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                                      H5Dclose},
                                     what);
  if (shape.elements() == 0) return 0;
  const haddr_t offset = H5Dget_offset(dataset.get());
  check(offset == HADDR_UNDEF ? -1 : 0, what);
  return offset;
}

void Hdf5Writer::State::finish_dataset() {
  if (!current) return;
  if (rows) lay_out_rows();
  ESPALIER_CHECK(written == current->bytes);
  current->checksums = checksums.finish();
  extents.push_back(std::move(*current));
  current.reset();
}

// Makes the file's structure anew, around the rows that lie in the file already. Where the first dataset
// begins does not depend on its size.
void Hdf5Writer::State::lay_out_rows() {
  const std::uint64_t row_bytes = static_cast<std::uint64_t>(rows->columns) * hdf5_type_bytes(rows->type);
  ESPALIER_CHECK(written % row_bytes == 0);
  const Hdf5Lock lock;
  driver = DriverFile();
  create_file();
  create_group_of(current->name);
  const auto count = static_cast<std::int64_t>(written / row_bytes);
  const std::uint64_t offset = create_dataset(current->name, rows->type, {count, rows->columns});
  ESPALIER_CHECK(count == 0 || offset == current->offset);
  current->bytes = written;
  rows.reset();
}

Hdf5Writer::Hdf5Writer(const std::filesystem::path& path, const std::string& kind, std::uint32_t version)
    : state_(std::make_unique<State>(path, kind, version)) {
  const Hdf5Lock lock;
  state_->create_file();
}

Hdf5Writer::~Hdf5Writer() = default;

void Hdf5Writer::write_text(const std::string& name, std::string_view text) {
  begin(name, Hdf5Type::kUint8, {static_cast<std::int64_t>(text.size())});
  append(text.data(), text.size());
}

void Hdf5Writer::begin(const std::string& name, Hdf5Type type, const Shape& shape) {
  State& s = *state_;
  s.finish_dataset();
  s.check_name(name);
  const Hdf5Lock lock;
  s.create_group_of(name);
  Extent extent{name, s.create_dataset(name, type, shape), 0, {}};
  extent.bytes = static_cast<std::uint64_t>(shape.elements()) * hdf5_type_bytes(type);
  s.current = std::move(extent);
  s.written = 0;
  s.checksums = BlockChecksums();
}

// Asks libhdf5 where it would put one row, and then has no file open until all rows are there.
void Hdf5Writer::begin_rows(const std::string& name, Hdf5Type type, std::int64_t columns) {
  State& s = *state_;
  ESPALIER_CHECK(s.names.empty() && columns > 0);
  s.check_name(name);
  const Hdf5Lock lock;
  s.create_group_of(name);
  s.current = Extent{name, s.create_dataset(name, type, {1, columns}), 0, {}};
  s.rows = State::Rows{type, columns};
  s.check(s.handle.reset(), "close the file");
  s.groups.clear();
  if (const int error = file_ops::truncate(s.file.fd(), 0)) {
    throw_write_failure(s.file.path(), "truncate", error);
  }
}

void Hdf5Writer::State::check_name(const std::string& name) {
  const std::size_t slash = name.find('/');
  const bool valid = !name.empty() && slash != 0 && name.back() != '/' &&
                     (slash == name.npos || name.find('/', slash + 1) == name.npos) &&
                     name.find('\0') == name.npos && name != "." && name != kLayoutName;
  if (!valid || !names.insert(name).second) {
    throw InputError(fmt::format("{}: {:?} is no possible name of a dataset, or was used before",
                                 file.path().string(), name));
  }
}

void Hdf5Writer::append(const void* data, std::size_t bytes) {
  State& s = *state_;
  ESPALIER_CHECK(s.current && (s.rows || bytes <= s.current->bytes - s.written));
  if (bytes == 0) return;
  s.file.write_at(s.current->offset + s.written, data, bytes);
  s.checksums.update(data, bytes);
  s.written += bytes;
}

void Hdf5Writer::commit() {
  State& s = *state_;
  s.finish_dataset();
  const std::string text = layout_text(s.extents);
  LayoutPlace place{0, text.size()};
  {
    const Hdf5Lock lock;
    place.offset = s.create_dataset(kLayoutName, Hdf5Type::kUint8, {static_cast<std::int64_t>(text.size())});
    s.file.write_at(place.offset, text.data(), text.size());
    s.check(H5Fflush(s.handle.get(), H5F_SCOPE_GLOBAL), "write the file's structure");
    s.check(s.handle.reset(), "close the file");
  }
  seal_file(s.file, s.kind, s.version, s.extents, place);
  s.file.commit();
}

}  // namespace espalier::io
