#include "io/hf_tensor_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/joined.h"
#include "base/shell_quote.h"
#include "espalier/base/error.h"
#include "espalier/io/json.h"
#include "io/hf_int8.h"
#include "io/hf_tensors.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail_for_pickle(const std::string& folder) {
  // A JSON string is a Python string too.
  const auto literal = [&](const char* name) { return json_text(Json(folder + "/" + name), -1); };
  const std::string code = fmt::format(
      "import torch, safetensors.torch as s; s.save_file({{k: v.clone().contiguous() for k, v in "
      "torch.load({}, "
      "map_location=\"cpu\", weights_only=True).items()}}, {}, {{\"format\": \"pt\"}})",
      literal("pytorch_model.bin"), literal("model.safetensors"));
  throw InputError(fmt::format(
      "{}: pytorch_model.bin is a Python pickle, which is not read; convert it once with\npython3 -c {}",
      folder, shell_quote(code)));
}

fs::path weights_file(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json"}) {
    if (fs::exists(folder / name)) return folder / name;
  }
  if (fs::exists(folder / "pytorch_model.bin")) fail_for_pickle(folder.string());
  throw InputError(
      fmt::format("{}: no model.safetensors (or model.safetensors.index.json with its shards) in this "
                  "folder; save_pretrained() of transformers writes it",
                  folder.string()));
}

bool is_float(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16 || dtype == DType::kF64;
}

}  // namespace

HfTensorFile::HfTensorFile(const fs::path& folder) : path_(weights_file(folder)), file_(path_) {}

void HfTensorFile::fail(const std::string& message) const {
  throw InputError(where() + ": " + message);
}

void HfTensorFile::require_shape(const std::string& name, const Shape& shape) const {
  if (!contains(name)) {
    fail(
        fmt::format("tensor `{}` {} is missing: config.json asks for more layers or another class "
                    "(`architectures`) than was saved, or the file is not whole",
                    name, shape.str()));
  }
  if (info(name).shape == shape) return;
  fail(fmt::format("tensor `{}` must be {} for this config, found {}", name, shape.str(),
                   info(name).shape.str()));
}

void HfTensorFile::require_type(const std::string& name, DType dtype) const {
  const DType found = info(name).dtype;
  if (found == dtype) return;
  fail(fmt::format("tensor `{}` must be {}, found {}", name, dtype_name(dtype), dtype_name(found)));
}

void HfTensorFile::use_floats(const std::string& name, const Shape& shape, const std::string& written_as) {
  require_shape(name, shape);
  const DType dtype = info(name).dtype;
  if (!is_float(dtype)) {
    fail(fmt::format("tensor `{}` must be F32, F16 or BF16, found {}", name, dtype_name(dtype)));
  }
  use(name, written_as, dtype == DType::kF64 ? DType::kF32 : dtype);
}

Tensor HfTensorFile::take(const std::string& name, const Shape& shape, const std::string& written_as) {
  use_floats(name, shape, written_as);
  return file_.read(name);
}

bool HfTensorFile::take_equal(const std::string& name, const std::string& other, const Tensor& value,
                              const std::string& written_as) {
  use_floats(name, value.shape(), written_as);
  return file_.same(name, other) || same_bytes(file_.read(name), value);
}

bool HfTensorFile::holds_bytes(const std::string& name) const {
  return bytes_allowed_ && contains(name) && info(name).dtype == DType::kI8;
}

ByteMatrix HfTensorFile::take_bytes(const std::string& name, const Shape& shape,
                                    const std::string& written_as) {
  require_shape(name, shape);
  require_type(name, DType::kI8);
  const std::string scale_name = scale_name_of(name);
  const Shape scale_shape{shape[0], 1};
  if (!contains(scale_name)) {
    fail(fmt::format("tensor `{}` {} is missing, the scales of the rows of `{}`: the file is not whole",
                     scale_name, scale_shape.str(), name));
  }
  const Tensor scales = take(scale_name, scale_shape, scale_name_of(written_as)).reshape({shape[0]});
  for (std::int64_t i = 0; i < scales.size(); ++i) {
    const float scale = scales.data()[i];
    if (std::isfinite(scale) && scale >= 0) continue;
    fail(fmt::format("tensor `{}`: row {} is {}, expected a finite number at least 0: the file is damaged",
                     scale_name, i, scale));
  }
  use(name, written_as, DType::kF32);
  return {file_.read_bytes(name), scales};
}

void HfTensorFile::use(const std::string& name, const std::string& written_as, DType dtype) {
  used_.insert(name);
  dtypes_[written_as] = dtype;
}

std::vector<std::int64_t> HfTensorFile::take_ints(const std::string& name, const Shape& shape,
                                                  std::optional<DType> dtype) {
  require_shape(name, shape);
  if (dtype) require_type(name, *dtype);
  use(name, name, info(name).dtype);
  return file_.read_ints(name);
}

Tensor HfTensorFile::take_complex(const std::string& name, const Shape& shape) {
  require_shape(name, shape);
  require_type(name, DType::kC64);
  use(name, name, DType::kC64);
  return file_.read(name);
}

std::vector<std::string> HfTensorFile::unused() const {
  std::vector<std::string> names;
  for (const std::string& name : file_.names()) {
    if (!used_.contains(name)) names.push_back(name);
  }
  return names;
}

std::string HfTensorFile::listed(const std::vector<std::string>& names) const {
  return espalier::listed(names, 5, ", ", [&](const std::string& name) {
    return fmt::format("`{}` {}", name, info(name).shape.str());
  });
}

std::vector<std::string> HfTensorFile::warnings() const {
  std::vector<std::string> warnings;
  if (!file_.wrapper().empty()) {
    warnings.push_back(
        fmt::format("{}: every tensor's name begins with `{}`, which a wrapper of PyTorch put there; it was "
                    "left out",
                    where(), file_.wrapper()));
  }
  std::size_t doubles = 0;
  for (const std::string& name : file_.names()) doubles += info(name).dtype == DType::kF64 ? 1 : 0;
  if (doubles > 0) {
    warnings.push_back(fmt::format("{}: {} tensors are F64 and were rounded to F32", where(), doubles));
  }
  return warnings;
}

void HfTensorFile::note_types(HfSource& source) const {
  std::map<DType, std::size_t> counts;
  for (const auto& [name, dtype] : dtypes_) {
    if (is_float(dtype)) ++counts[dtype];
  }
  std::size_t most = 0;
  for (const auto& [dtype, count] : counts) {
    if (count > most) source.dtype = dtype;
    most = std::max(most, count);
  }
  source.dtypes = dtypes_;
}

}  // namespace espalier::io
