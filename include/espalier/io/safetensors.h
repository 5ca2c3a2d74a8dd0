// Hugging Face's exchange format for tensors: 8 bytes of header length, a JSON header, the bytes of the
// tensors. https://github.com/huggingface/safetensors (format section of its README).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/tensor/tensor.h"

namespace espalier::io {

enum class DType { kF64, kF32, kF16, kBF16, kC64, kI64, kI32, kI16, kI8, kU8, kBool };
// "F32"
const char* dtype_name(DType dtype);
std::optional<DType> dtype_from_name(std::string_view name);
std::size_t dtype_bytes(DType dtype);

struct SafetensorsInfo {
  DType dtype = DType::kF32;
  Shape shape;  // as stored; complex numbers (C64) count as one element
  std::uint64_t bytes = 0;
};

// Opens one file, or a `*.safetensors.index.json` with the files it names (which must lie beside it). Nothing
// in a file is trusted: lengths, shapes and offsets are checked against the file's size before they are used,
// and the tensors must cover the data exactly, without gap or overlap, as the format asks. InputError names
// the file and the tensor.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::filesystem::path& path);
  ~SafetensorsReader();
  SafetensorsReader(SafetensorsReader&&) noexcept;
  SafetensorsReader& operator=(SafetensorsReader&&) noexcept;

  // Sorted.
  const std::vector<std::string>& names() const;
  bool contains(const std::string& name) const;
  const SafetensorsInfo& info(const std::string& name) const;
  // The strings under "__metadata__", e.g. {"format": "pt"}; of the first file if there are several.
  const std::map<std::string, std::string>& metadata() const;

  // F32, F16, BF16 exactly; F64 rounded to nearest; C64 as [..., 2] (real, imaginary). Numbers of F32 and C64
  // are not copied: they are the file's pages, read when they are touched.
  Tensor read(const std::string& name) const;
  std::vector<float> read_floats(const std::string& name) const;
  // F64, F32, F16, BF16, C64, exactly.
  std::vector<double> read_doubles(const std::string& name) const;
  // Whether two tensors have the same type, shape and bytes.
  bool same(const std::string& name, const std::string& other) const;
  // I8, not copied either.
  ByteTensor read_bytes(const std::string& name) const;
  // I64, I32, I16, I8, U8, BOOL (0 or 1).
  std::vector<std::int64_t> read_ints(const std::string& name) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct SafetensorsEntry {
  std::string name;
  Tensor value;
  // F32, F16, BF16 (rounded to nearest, ties to even), C64 (value is [..., 2]), I64 (whole numbers) or I8.
  DType dtype = DType::kF32;
  ByteTensor bytes = {};  // of I8, in place of `value`

  const Shape& shape() const { return bytes.defined() ? bytes.shape() : value.shape(); }
};

// Writes one file atomically. Entries are laid out as Hugging Face does: wider types first, then by name.
// InputError: a name twice, or a value too large for F16. RunError: writing failed (what was at `path`
// stays).
void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsEntry> entries,
                       const std::map<std::string, std::string>& metadata = {{"format", "pt"}});

}  // namespace espalier::io
