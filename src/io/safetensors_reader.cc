#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/io/json.h"
#include "espalier/io/safetensors.h"
#include "io/dtype.h"
#include "io/file_kind.h"
#include "io/file_ops.h"
#include "io/mapped_file.h"
#include "io/safetensors_header.h"

namespace espalier::io {

namespace {

// As in Hugging Face's reader.
constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;
constexpr std::size_t kShownBytes = 64;              // tells what else a file is
constexpr std::int64_t kDecodedTogether = 1 << 18;   // numbers
constexpr std::int64_t kComparedTogether = 1 << 20;  // bytes

struct Shard {
  std::filesystem::path path;
  std::shared_ptr<const MappedFile> file;
  std::uint64_t data_begin = 0;
  SafetensorsHeader header;
};

Shard open_shard(const std::filesystem::path& path) {
  Shard shard{path, MappedFile::open(path), 0, {}};
  const FileDescriptor& file = shard.file->file();
  const std::string where = path.string();
  const std::uint64_t bytes = file_size(file, path);
  std::string head(kShownBytes, '\0');
  head.resize(read_at(file, path, 0, head.data(), head.size()));
  refuse_git_lfs_pointer(head, path);
  std::uint64_t header_bytes = 0;
  if (bytes < sizeof(header_bytes)) {
    throw InputError(fmt::format("{}: {} bytes are too few for a safetensors file", where, bytes));
  }
  read_exactly_at(file, path, 0, &header_bytes, sizeof(header_bytes));
  const std::uint64_t left = bytes - sizeof(header_bytes);
  if (header_bytes > left || header_bytes > kMaxHeaderBytes) {
    throw InputError(
        fmt::format("{}: not a safetensors file, or truncated: its header should take {} bytes, {} are left",
                    where, header_bytes, std::min(left, kMaxHeaderBytes)));
  }
  std::string text(static_cast<std::size_t>(header_bytes), '\0');
  read_exactly_at(file, path, sizeof(header_bytes), text.data(), text.size());
  shard.data_begin = sizeof(header_bytes) + header_bytes;
  shard.header = parse_safetensors_header(text, bytes - shard.data_begin, where);
  return shard;
}

struct PlacedTensor {
  std::size_t shard = 0;
  SafetensorsPlace place;
};

}  // namespace

struct SafetensorsReader::State {
  std::filesystem::path path;
  std::vector<Shard> shards;
  std::map<std::string, PlacedTensor> entries;
  std::vector<std::string> names;

  void add_all_of_one_file() {
    shards.push_back(open_shard(path));
    for (const auto& [name, place] : shards[0].header.tensors) entries[name] = {0, place};
  }

  // {"weight_map": {"name": "model-00001-of-00002.safetensors", ...}}
  void add_by_index() {
    const Json json = read_json(path);
    const JsonView map = JsonView(json, path.string())["weight_map"];
    map.expect_object();
    std::map<std::string, std::size_t> opened;
    for (const auto& item : map.json().items()) {
      const JsonView file(item.value(), map.where() + "." + item.key());
      const std::string& name = file.as_string();
      if (name.empty() || name.find_first_of("/\\") != name.npos || name == "..") {
        file.fail(fmt::format("expected the name of a file beside the index, found \"{}\"", name));
      }
      const auto [place, is_new] = opened.try_emplace(name, shards.size());
      if (is_new) shards.push_back(open_shard(folder_of(path) / name));
      const Shard& shard = shards[place->second];
      const auto found = shard.header.tensors.find(item.key());
      if (found == shard.header.tensors.end()) file.fail(fmt::format("{} holds no such tensor", name));
      entries[item.key()] = {place->second, found->second};
    }
  }

  const PlacedTensor& entry(const std::string& name) const {
    const auto found = entries.find(name);
    if (found == entries.end())
      throw InputError(fmt::format("{}: it holds no tensor {}", path.string(), name));
    return found->second;
  }

  std::string where(const std::string& name) const {
    return fmt::format("{}: {}", shards[entry(name).shard].path.string(), name);
  }

  // A tensor's bytes as they lie in the file.
  std::shared_ptr<std::byte> mapped(const PlacedTensor& from) const {
    const Shard& shard = shards[from.shard];
    return shard.file->piece(shard.data_begin + from.place.offset,
                             static_cast<std::size_t>(from.place.info.bytes));
  }
  template <class Element>
  BasicTensor<Element> mapped(const PlacedTensor& from, const Shape& shape) const {
    const Shard& shard = shards[from.shard];
    return shard.file->tensor<Element>(shard.data_begin + from.place.offset, shape);
  }

  // Numbers in a tensor, both parts of a complex one counted.
  std::size_t float_count(const std::string& name) const {
    const SafetensorsInfo& info = entry(name).place.info;
    const std::size_t floats = floats_per_element(info.dtype);
    if (floats == 0) {
      throw InputError(
          fmt::format("{}: expected floating-point numbers, found {}", where(name), dtype_name(info.dtype)));
    }
    return static_cast<std::size_t>(info.bytes / dtype_bytes(info.dtype)) * floats;
  }

  template <class Out>
  void decode_floating(const std::string& name, Out* out) const {
    const PlacedTensor& from = entry(name);
    const DType dtype = from.place.info.dtype;
    const std::size_t width = dtype_bytes(dtype) / floats_per_element(dtype);
    const std::shared_ptr<std::byte> bytes = mapped(from);
    const auto count = static_cast<std::int64_t>(from.place.info.bytes / width);
    parallel_for(count, kDecodedTogether, [&](std::int64_t begin, std::int64_t end) {
      decode(dtype, bytes.get() + static_cast<std::size_t>(begin) * width,
             static_cast<std::size_t>(end - begin), out + begin);
    });
  }
};

SafetensorsReader::SafetensorsReader(const std::filesystem::path& path) : state_(std::make_unique<State>()) {
  state_->path = path;
  if (path.extension() == ".json") {
    state_->add_by_index();
  } else {
    state_->add_all_of_one_file();
  }
  for (const auto& [name, entry] : state_->entries) state_->names.push_back(name);
}

SafetensorsReader::~SafetensorsReader() = default;
SafetensorsReader::SafetensorsReader(SafetensorsReader&&) noexcept = default;
SafetensorsReader& SafetensorsReader::operator=(SafetensorsReader&&) noexcept = default;

const std::vector<std::string>& SafetensorsReader::names() const {
  return state_->names;
}
bool SafetensorsReader::contains(const std::string& name) const {
  return state_->entries.contains(name);
}
const SafetensorsInfo& SafetensorsReader::info(const std::string& name) const {
  return state_->entry(name).place.info;
}
const std::map<std::string, std::string>& SafetensorsReader::metadata() const {
  static const std::map<std::string, std::string> none;
  return state_->shards.empty() ? none : state_->shards[0].header.metadata;
}

Tensor SafetensorsReader::read(const std::string& name) const {
  state_->float_count(name);
  const SafetensorsInfo& stored = info(name);
  std::vector<std::int64_t> extents(stored.shape.extents().begin(), stored.shape.extents().end());
  if (stored.dtype == DType::kC64) extents.push_back(2);
  if (extents.size() > Shape::kMaxRank) {
    throw InputError(fmt::format("{}: too many axes for complex numbers", state_->where(name)));
  }
  const Shape shape(extents);
  if (stored.dtype == DType::kF32 || stored.dtype == DType::kC64) {
    if (Tensor tensor = state_->mapped<float>(state_->entry(name), shape); tensor.defined()) return tensor;
  }
  Tensor tensor = Tensor::empty(shape);
  state_->decode_floating(name, tensor.data());
  return tensor;
}

std::vector<float> SafetensorsReader::read_floats(const std::string& name) const {
  std::vector<float> values(state_->float_count(name));
  state_->decode_floating(name, values.data());
  return values;
}

std::vector<double> SafetensorsReader::read_doubles(const std::string& name) const {
  std::vector<double> values(state_->float_count(name));
  state_->decode_floating(name, values.data());
  return values;
}

bool SafetensorsReader::same(const std::string& name, const std::string& other) const {
  const PlacedTensor &a = state_->entry(name), &b = state_->entry(other);
  if (a.place.info.dtype != b.place.info.dtype || a.place.info.shape != b.place.info.shape) return false;
  const std::shared_ptr<std::byte> one = state_->mapped(a), two = state_->mapped(b);
  std::atomic<bool> result = true;
  parallel_for(static_cast<std::int64_t>(a.place.info.bytes), kComparedTogether,
               [&](std::int64_t begin, std::int64_t end) {
                 const auto size = static_cast<std::size_t>(end - begin);
                 if (std::memcmp(one.get() + begin, two.get() + begin, size) != 0) result = false;
               });
  return result;
}

ByteTensor SafetensorsReader::read_bytes(const std::string& name) const {
  const PlacedTensor& from = state_->entry(name);
  if (from.place.info.dtype != DType::kI8) {
    throw InputError(
        fmt::format("{}: expected I8, found {}", state_->where(name), dtype_name(from.place.info.dtype)));
  }
  return state_->mapped<std::int8_t>(from, from.place.info.shape);
}

std::vector<std::int64_t> SafetensorsReader::read_ints(const std::string& name) const {
  const SafetensorsInfo& stored = info(name);
  if (floats_per_element(stored.dtype) > 0) {
    throw InputError(
        fmt::format("{}: expected whole numbers, found {}", state_->where(name), dtype_name(stored.dtype)));
  }
  std::vector<std::int64_t> values(static_cast<std::size_t>(stored.bytes) / dtype_bytes(stored.dtype));
  if (!decode(stored.dtype, state_->mapped(state_->entry(name)).get(), values.size(), values.data()))
    throw InputError(fmt::format("{}: a BOOL is neither 0 nor 1", state_->where(name)));
  return values;
}

}  // namespace espalier::io
