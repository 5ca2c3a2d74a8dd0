// Our HDF5 files: datasets of numbers and text under names like "model/encoder.final_norm.weight". Any HDF5
// tool reads them. Every byte is covered by checksums that are verified before libhdf5 opens a file, and a
// file appears under its name whole or not at all. Open .h5 files only from people you trust: checksums find
// damage, not forgery, and libhdf5 is not hardened against forged files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "espalier/base/error.h"
#include "espalier/tensor/tensor.h"

namespace espalier::io {

// Bytes that do not match their checksum. `what()`: "last.h5: damaged: dataset model/w, bytes 8192-9215:
// ...".
class DamagedFile : public InputError {
 public:
  // `part` is the name of a dataset, or "file structure"; the bytes are counted from the start of the file.
  DamagedFile(const std::filesystem::path& path, const std::string& part, std::uint64_t begin,
              std::uint64_t size);
  const std::string& part() const { return part_; }

 private:
  std::string part_;
};

enum class Hdf5Type { kFloat32, kInt32, kInt64, kUint8, kUint16, kUint32, kUint64 };
// "float32"
const char* hdf5_type_name(Hdf5Type type);
std::size_t hdf5_type_bytes(Hdf5Type type);

template <class Value>
constexpr Hdf5Type hdf5_type_of() {
  if constexpr (std::is_same_v<Value, float>) return Hdf5Type::kFloat32;
  if constexpr (std::is_same_v<Value, std::int32_t>) return Hdf5Type::kInt32;
  if constexpr (std::is_same_v<Value, std::int64_t>) return Hdf5Type::kInt64;
  if constexpr (std::is_same_v<Value, std::uint8_t>) return Hdf5Type::kUint8;
  if constexpr (std::is_same_v<Value, std::uint16_t>) return Hdf5Type::kUint16;
  if constexpr (std::is_same_v<Value, std::uint32_t>) return Hdf5Type::kUint32;
  if constexpr (std::is_same_v<Value, std::uint64_t>) return Hdf5Type::kUint64;
}

// Writes one file: NAME.tmp-PID beside the target until commit(). All members throw RunError (path, operation
// and the system's reason) if the disk fails, and the temporary file is removed by the destructor; what was
// under the name before stays. One thread at a time per writer.
class Hdf5Writer {
 public:
  // `kind` (under 24 bytes) and `version` say what is in the file, e.g. "checkpoint", 1.
  Hdf5Writer(const std::filesystem::path& path, const std::string& kind, std::uint32_t version);
  ~Hdf5Writer();
  Hdf5Writer(const Hdf5Writer&) = delete;
  Hdf5Writer& operator=(const Hdf5Writer&) = delete;

  // A whole dataset. Names are "name" or "group/name"; "layout" is taken.
  template <class Value>
  void write(const std::string& name, const Shape& shape, std::span<const Value> values) {
    begin(name, hdf5_type_of<Value>(), shape);
    append(values.data(), values.size_bytes());
  }
  void write(const std::string& name, const Tensor& tensor) { write(name, tensor.shape(), tensor.span()); }
  // The bytes of a text, as uint8.
  void write_text(const std::string& name, std::string_view text);

  // A dataset in pieces: begin() it, then append() exactly its bytes in row-major order before the next call
  // of another kind.
  void begin(const std::string& name, Hdf5Type type, const Shape& shape);
  void append(const void* data, std::size_t bytes);
  // The same of a dataset [rows, columns] whose number of rows is not known before its end: the first of a
  // file only.
  void begin_rows(const std::string& name, Hdf5Type type, std::int64_t columns);

  // Closes, seals, makes durable and renames. Nothing may follow.
  void commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Hdf5Dataset {
  std::string name;
  Hdf5Type type = Hdf5Type::kFloat32;
  Shape shape;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  // in the file
};

enum class Verify {
  kEverything,  // all bytes, before libhdf5 opens the file
  kAsRead,      // structure before libhdf5 opens the file; a dataset's blocks (1 MiB) when first read
};

// Reads a file of Hdf5Writer. libhdf5 is only used inside the constructor, to learn names, types, shapes and
// places, which are checked against the file's length and the checksummed layout; data is read by our own
// calls. All const members are thread-safe. InputError: not our file, another kind, too new, truncated,
// inconsistent; DamagedFile: a checksum does not match; RunError: the system fails to read.
class Hdf5Reader {
 public:
  // `kind` as given to the writer; versions above `newest_version` are refused.
  Hdf5Reader(const std::filesystem::path& path, const std::string& kind, std::uint32_t newest_version,
             Verify verify);
  ~Hdf5Reader();
  Hdf5Reader(Hdf5Reader&&) noexcept;
  Hdf5Reader& operator=(Hdf5Reader&&) noexcept;

  const std::filesystem::path& path() const;
  std::uint32_t version() const;
  std::uint64_t file_bytes() const;
  // In the order they were written.
  const std::vector<Hdf5Dataset>& datasets() const;
  bool contains(const std::string& name) const;
  // InputError if there is none of that name.
  const Hdf5Dataset& dataset(const std::string& name) const;

  std::string read_text(const std::string& name) const;
  // The dataset must be float32. It is verified, but not copied: the tensor is the file's
  // pages.
  Tensor read_tensor(const std::string& name) const;
  template <class Value>
  std::vector<Value> read(const std::string& name) const {
    const Hdf5Dataset& from = typed(name, hdf5_type_of<Value>());
    std::vector<Value> values(static_cast<std::size_t>(from.shape.elements()));
    read_bytes(from, 0, values.data(), values.size() * sizeof(Value));
    return values;
  }
  // Bytes [begin, begin + size) of a dataset.
  void read_bytes(const Hdf5Dataset& dataset, std::uint64_t begin, void* data, std::size_t size) const;
  // A checksum over the checksums of a dataset's blocks: equal for equal bytes. Reads nothing.
  std::uint64_t fingerprint(const Hdf5Dataset& dataset) const;
  // Reads everything not yet verified.
  void verify_everything() const;

 private:
  std::size_t index_of(const Hdf5Dataset& dataset) const;
  const Hdf5Dataset& typed(const std::string& name, Hdf5Type type) const;

  struct State;
  std::unique_ptr<State> state_;
};

// The kind of content of one of our files ("checkpoint", "token store", ...); its structure is verified.
// InputError if it is none of ours, DamagedFile if it is damaged there.
std::string hdf5_kind(const std::filesystem::path& path);

}  // namespace espalier::io
