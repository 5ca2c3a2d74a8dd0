#include "io/hdf5_library.h"

#include <fmt/format.h>

#include "espalier/base/error.h"

namespace espalier::io {

namespace {

std::mutex& library_mutex() {
  static std::mutex mutex;
  return mutex;
}

struct TypeEntry {
  const char* name;
  std::size_t bytes;
};

const TypeEntry& entry(Hdf5Type type) {
  static constexpr TypeEntry kEntries[] = {{"float32", 4}, {"int32", 4},  {"int64", 8}, {"uint8", 1},
                                           {"uint16", 2},  {"uint32", 4}, {"uint64", 8}};
  return kEntries[static_cast<std::size_t>(type)];
}

// The walk starts at the place where it went wrong; keep the first text.
herr_t keep_first(unsigned /*depth*/, const H5E_error2_t* error, void* text) {
  auto& out = *static_cast<std::string*>(text);
  if (out.empty() && error->desc != nullptr) out = error->desc;
  return 0;
}

}  // namespace

Hdf5Lock::Hdf5Lock() : lock_(library_mutex()) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Hdf5Handle& Hdf5Handle::operator=(Hdf5Handle&& other) noexcept {
  if (this != &other) {
    reset();
    id_ = other.id_;
    close_ = other.close_;
    other.id_ = -1;
  }
  return *this;
}

herr_t Hdf5Handle::reset() {
  const hid_t id = id_;
  id_ = -1;
  return id >= 0 ? close_(id) : 0;
}

std::string hdf5_error_text() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  return text.empty() ? "unknown error" : text;
}

hid_t hdf5_stored_type(Hdf5Type type) {
  switch (type) {
    case Hdf5Type::kFloat32:
      return H5T_IEEE_F32LE;
    case Hdf5Type::kInt32:
      return H5T_STD_I32LE;
    case Hdf5Type::kInt64:
      return H5T_STD_I64LE;
    case Hdf5Type::kUint8:
      return H5T_STD_U8LE;
    case Hdf5Type::kUint16:
      return H5T_STD_U16LE;
    case Hdf5Type::kUint32:
      return H5T_STD_U32LE;
    case Hdf5Type::kUint64:
      return H5T_STD_U64LE;
  }
  return -1;
}

const char* hdf5_type_name(Hdf5Type type) {
  return entry(type).name;
}
std::size_t hdf5_type_bytes(Hdf5Type type) {
  return entry(type).bytes;
}

DamagedFile::DamagedFile(const std::filesystem::path& path, const std::string& part, std::uint64_t begin,
                         std::uint64_t size)
    : InputError(fmt::format("{}: damaged: {}{}, bytes {}-{}: the checksum does not match; take another copy",
                             path.string(), part == "file structure" ? "" : "dataset ", part, begin,
                             begin + size - 1)),
      part_(part) {}

}  // namespace espalier::io
