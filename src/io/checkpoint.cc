#include "espalier/io/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "espalier/io/hdf5_file.h"
#include "espalier/processes/processes.h"

namespace espalier::io {

namespace {

constexpr const char* kKind = "checkpoint";
constexpr const char* kModel = "model/";
constexpr const char* kOptimizer = "optimizer/";
constexpr std::size_t kChunkBytes = std::size_t{1} << 20U;
// Room for a dataset's header, link and layout entry, measured at under 700 bytes; and for the file's own.
constexpr std::uint64_t kBytesPerTensor = 2048;
constexpr std::uint64_t kBytesPerFile = 65536;

void write_tensors(Hdf5Writer& writer, const std::string& group, std::span<const NamedTensor> tensors) {
  for (const NamedTensor& tensor : tensors) {
    if (tensor.name.find('/') != std::string::npos) {
      throw InputError(fmt::format("the tensor {:?} can't be stored: its name holds a slash", tensor.name));
    }
    writer.write(group + tensor.name, tensor.value);
  }
}

// The datasets of a group, with the group's name cut off.
std::vector<std::pair<std::string, const Hdf5Dataset*>> group_of(const Hdf5Reader& reader,
                                                                 const std::string& group) {
  std::vector<std::pair<std::string, const Hdf5Dataset*>> found;
  for (const Hdf5Dataset& dataset : reader.datasets()) {
    if (dataset.name.starts_with(group)) found.emplace_back(dataset.name.substr(group.size()), &dataset);
  }
  return found;
}

std::vector<NamedTensor> load_tensors(const Hdf5Reader& reader, const std::string& group) {
  std::vector<NamedTensor> tensors;
  for (const auto& [name, dataset] : group_of(reader, group)) {
    tensors.push_back({name, reader.read_tensor(dataset->name)});
  }
  return tensors;
}

std::vector<CheckpointContents::Entry> list_tensors(const Hdf5Reader& reader, const std::string& group) {
  std::vector<CheckpointContents::Entry> entries;
  for (const auto& [name, dataset] : group_of(reader, group)) {
    entries.push_back({name, hdf5_type_name(dataset->type), dataset->shape, dataset->bytes});
  }
  return entries;
}

Json read_object(const Hdf5Reader& reader, const std::string& name) {
  const std::string where = reader.path().string() + ": " + name;
  Json json = parse_json(reader.read_text(name), where);
  JsonView(json, where).expect_object();
  return json;
}

void add_heading(Checksum& sum, const std::string& name, const Shape& shape) {
  sum.update(name.c_str(), name.size() + 1);
  const std::int64_t rank = shape.rank();
  sum.update(&rank, sizeof(rank));
  sum.update(shape.extents().data(), shape.extents().size_bytes());
}

bool is_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

// The checksum of the model's weights, and which of them are not finite.
void read_weights(const Hdf5Reader& reader, CheckpointContents& contents) {
  auto tensors = group_of(reader, kModel);
  std::sort(tensors.begin(), tensors.end());
  Checksum sum;
  std::vector<float> chunk(kChunkBytes / sizeof(float));
  for (const auto& [name, dataset] : tensors) {
    add_heading(sum, name, dataset->shape);
    bool finite = true;
    for (std::uint64_t at = 0; at < dataset->bytes; at += kChunkBytes) {
      const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(kChunkBytes, dataset->bytes - at));
      reader.read_bytes(*dataset, at, chunk.data(), size);
      sum.update(chunk.data(), size);
      finite = finite && is_finite(std::span(chunk).first(size / sizeof(float)));
    }
    if (!finite) contents.not_finite.push_back(name);
  }
  contents.weights_checksum = sum.value();
}

}  // namespace

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  ESPALIER_CHECK(checkpoint.bytes.empty());
  if (!processes::writes()) return;
  Hdf5Writer writer(path, kKind, kCheckpointVersion);
  // Texts of any length come after the tensors, which lie where floats can be mapped.
  write_tensors(writer, kModel, checkpoint.model);
  write_tensors(writer, kOptimizer, checkpoint.optimizer);
  writer.write_text("kind", checkpoint.kind);
  writer.write_text("metadata.json", json_text(checkpoint.metadata));
  writer.write_text("state.json", json_text(checkpoint.state));
  writer.write_text("config.yaml", checkpoint.config_yaml);
  writer.write_text("tokenizer.json", checkpoint.tokenizer_json);
  writer.write_text("metrics.jsonl", checkpoint.metrics_jsonl);
  writer.commit();
}

Checkpoint load_checkpoint(const std::filesystem::path& path, LoadParts parts) {
  const Hdf5Reader reader(path, kKind, kCheckpointVersion,
                          parts == LoadParts::kModel ? Verify::kAsRead : Verify::kEverything);
  Checkpoint checkpoint;
  checkpoint.kind = reader.read_text("kind");
  checkpoint.metadata = read_object(reader, "metadata.json");
  checkpoint.state = read_object(reader, "state.json");
  checkpoint.config_yaml = reader.read_text("config.yaml");
  checkpoint.tokenizer_json = reader.read_text("tokenizer.json");
  checkpoint.model = load_tensors(reader, kModel);
  if (parts == LoadParts::kModel) return checkpoint;
  checkpoint.metrics_jsonl = reader.read_text("metrics.jsonl");
  checkpoint.optimizer = load_tensors(reader, kOptimizer);
  return checkpoint;
}

std::uint64_t weights_checksum(std::span<const NamedTensor> tensors) {
  std::vector<const NamedTensor*> order;
  for (const NamedTensor& tensor : tensors) order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const NamedTensor* a, const NamedTensor* b) { return a->name < b->name; });
  Checksum sum;
  for (const NamedTensor* tensor : order) {
    add_heading(sum, tensor->name, tensor->value.shape());
    sum.update(tensor->value.data(), tensor->value.span().size_bytes());
  }
  return sum.value();
}

std::vector<std::string> tensors_not_finite(std::span<const NamedTensor> tensors) {
  std::vector<std::string> names;
  for (const NamedTensor& tensor : tensors)
    if (!is_finite(tensor.value.span())) names.push_back(tensor.name);
  return names;
}

CheckpointContents list_checkpoint(const std::filesystem::path& path, bool verify) {
  const Hdf5Reader reader(path, kKind, kCheckpointVersion, verify ? Verify::kEverything : Verify::kAsRead);
  CheckpointContents contents;
  contents.kind = reader.read_text("kind");
  contents.format_version = reader.version();
  contents.file_bytes = reader.file_bytes();
  contents.model = list_tensors(reader, kModel);
  contents.optimizer = list_tensors(reader, kOptimizer);
  contents.state = read_object(reader, "state.json");
  contents.config_yaml = reader.read_text("config.yaml");
  contents.tokenizer_json = reader.read_text("tokenizer.json");
  contents.metrics_jsonl = reader.read_text("metrics.jsonl");
  contents.metadata = read_object(reader, "metadata.json");
  read_weights(reader, contents);
  return contents;
}

std::uint64_t expected_checkpoint_bytes(std::span<const NamedTensor> model,
                                        std::span<const NamedTensor> optimizer, std::uint64_t text_bytes) {
  std::uint64_t bytes = kBytesPerFile + text_bytes;
  for (const std::span<const NamedTensor> tensors : {model, optimizer}) {
    for (const NamedTensor& tensor : tensors) {
      const std::uint64_t own = tensor.value.span().size_bytes();
      bytes += own + own / kChunkBytes * 16 + 2 * tensor.name.size() + kBytesPerTensor;
    }
  }
  return bytes;
}

}  // namespace espalier::io
