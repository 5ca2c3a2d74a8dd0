#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/io/json.h"
#include "espalier/io/safetensors.h"
#include "io/dtype.h"
#include "io/file_ops.h"

namespace espalier::io {

namespace {

constexpr std::size_t kChunk = std::size_t{1} << 18U;

// Bytes for each float of the value: a complex number is two of them.
std::size_t stored_width(DType dtype) {
  return dtype == DType::kC64 ? sizeof(float) : dtype_bytes(dtype);
}

std::uint64_t stored_bytes(const SafetensorsEntry& entry) {
  return static_cast<std::uint64_t>(entry.shape().elements()) * stored_width(entry.dtype);
}

Json describe(const SafetensorsEntry& entry, std::uint64_t offset) {
  Json shape = Json::array();
  for (const std::int64_t extent : entry.shape().extents()) shape.push_back(extent);
  if (entry.dtype == DType::kC64) shape.erase(shape.size() - 1);
  Json tensor;
  tensor["dtype"] = dtype_name(entry.dtype);
  tensor["shape"] = std::move(shape);
  tensor["data_offsets"] = {offset, offset + stored_bytes(entry)};
  return tensor;
}

std::string header_text(std::span<const SafetensorsEntry* const> order,
                        const std::map<std::string, std::string>& metadata) {
  Json header = Json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  std::uint64_t offset = 0;
  for (const SafetensorsEntry* entry : order) {
    header[entry->name] = describe(*entry, offset);
    offset += stored_bytes(*entry);
  }
  std::string text = json_text(header, -1);
  // The data begins at a multiple of 8.
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

void write_values(AtomicFile& file, const SafetensorsEntry& entry) {
  if (entry.dtype == DType::kI8) {
    file.append(entry.bytes.data(), static_cast<std::size_t>(entry.bytes.size()));
    return;
  }
  const std::size_t width = stored_width(entry.dtype);
  std::vector<std::byte> bytes(kChunk * width);
  const std::span<const float> values = entry.value.span();
  for (std::size_t begin = 0; begin < values.size(); begin += kChunk) {
    const std::size_t count = std::min(kChunk, values.size() - begin);
    const std::size_t encoded = encode(entry.dtype, values.data() + begin, count, bytes.data());
    if (encoded != count) {
      throw InputError(
          fmt::format("{}: {}: the value {} is too large for F16 (at most 65504); use BF16 or F32",
                      file.path().string(), entry.name, values[begin + encoded]));
    }
    file.append(bytes.data(), count * width);
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, std::span<const SafetensorsEntry> entries,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const SafetensorsEntry*> order;
  for (const SafetensorsEntry& entry : entries) {
    const bool complex = entry.dtype == DType::kC64;
    ESPALIER_CHECK(complex || entry.dtype == DType::kF32 || entry.dtype == DType::kF16 ||
                   entry.dtype == DType::kBF16 || entry.dtype == DType::kI64 || entry.dtype == DType::kI8);
    ESPALIER_CHECK(entry.bytes.defined() == (entry.dtype == DType::kI8));
    ESPALIER_CHECK(!complex || (entry.value.shape().rank() > 0 && entry.value.shape()[-1] == 2));
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(), [](const SafetensorsEntry* a, const SafetensorsEntry* b) {
    const std::size_t a_bytes = dtype_bytes(a->dtype);
    const std::size_t b_bytes = dtype_bytes(b->dtype);
    return a_bytes != b_bytes ? a_bytes > b_bytes : a->name < b->name;
  });
  std::map<std::string, int> seen;
  for (const SafetensorsEntry* entry : order) {
    if (++seen[entry->name] > 1) {
      throw InputError(fmt::format("{}: two tensors are named {}", path.string(), entry->name));
    }
  }
  AtomicFile file(path);
  const std::string header = header_text(order, metadata);
  const std::uint64_t header_bytes = header.size();
  file.append(&header_bytes, sizeof(header_bytes));
  file.append(header.data(), header.size());
  for (const SafetensorsEntry* entry : order) write_values(file, *entry);
  file.commit();
}

}  // namespace espalier::io
