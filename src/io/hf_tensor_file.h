// The weights of a Hugging Face folder while a model is read from them.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "espalier/io/hf_model.h"
#include "io/unwrapped_tensors.h"

namespace espalier::io {

// Says what is there, checks what is taken, and knows at the end what nobody took. Messages name the file.
class HfTensorFile {
 public:
  // model.safetensors or the index of its shards. InputError: neither is there; of a pickle it gives the line
  // that converts it.
  explicit HfTensorFile(const std::filesystem::path& folder);

  [[noreturn]] void fail(const std::string& message) const;
  std::string where() const { return path_.string(); }
  bool contains(const std::string& name) const { return file_.contains(name); }
  const SafetensorsInfo& info(const std::string& name) const { return file_.info(name); }

  // InputError if it is missing or of another shape.
  void require_shape(const std::string& name, const Shape& shape) const;
  // A tensor of F32, F16 or BF16 (F64 is rounded). `written_as` is the name under which it will be written.
  Tensor take(const std::string& name, const Shape& shape, const std::string& written_as);
  Tensor take(const std::string& name, const Shape& shape) { return take(name, shape, name); }
  // Takes a tensor that should be `value`, which is that of `other`: whether it is. It is not kept.
  bool take_equal(const std::string& name, const std::string& other, const Tensor& value,
                  const std::string& written_as);
  // From here on I8 with scales beside it is a weight: the folder's config says so.
  void allow_bytes() { bytes_allowed_ = true; }
  // Whether take_bytes() is to be asked for it.
  bool holds_bytes(const std::string& name) const;
  // A matrix of I8 with its scales, `NAME_scale` [rows, 1]. InputError: they are missing, of another shape,
  // no floating-point numbers, or one is NaN, infinite or negative.
  ByteMatrix take_bytes(const std::string& name, const Shape& shape, const std::string& written_as);
  // Of any whole numbers, or, with `dtype`, of that type alone.
  std::vector<std::int64_t> take_ints(const std::string& name, const Shape& shape,
                                      std::optional<DType> dtype = std::nullopt);
  // Complex: [..., 2].
  Tensor take_complex(const std::string& name, const Shape& shape);

  // The names that nobody took, sorted.
  std::vector<std::string> unused() const;
  // "`a` [2], `b` [3,4] and 7 more"
  std::string listed(const std::vector<std::string>& names) const;

  // Of what was left out or rounded.
  std::vector<std::string> warnings() const;
  // The types for writing, when all is taken; the most common one stands for all but the exceptions.
  void note_types(HfSource& source) const;

 private:
  void use(const std::string& name, const std::string& written_as, DType dtype);
  void use_floats(const std::string& name, const Shape& shape, const std::string& written_as);
  void require_type(const std::string& name, DType dtype) const;

  std::filesystem::path path_;
  UnwrappedTensors file_;
  bool bytes_allowed_ = false;
  std::set<std::string> used_;
  std::map<std::string, DType> dtypes_;
};

}  // namespace espalier::io
