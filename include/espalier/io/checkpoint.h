// Checkpoints: one HDF5 file with everything that a training needs to go on bit for bit, or that a model
// needs to be used. Datasets: "model/NAME" and "optimizer/NAME" (float32), and the texts "state.json",
// "config.yaml", "tokenizer.json", "metrics.jsonl", "metadata.json".
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "espalier/io/json.h"
#include "espalier/tensor/byte_matrix.h"
#include "espalier/tensor/tensor.h"

namespace espalier::io {

// The format of checkpoint files that this program writes, and the newest that it reads.
inline constexpr std::uint32_t kCheckpointVersion = 1;

struct NamedTensor {
  std::string name;  // dotted, as in "encoder.layers.0.ffn.linear_in.weight"; no "/"
  Tensor value;
};

struct NamedBytes {
  std::string name;
  ByteMatrix value;
};

struct Checkpoint {
  std::string kind;                    // "pretrain", "finetune" or "model"
  std::vector<NamedTensor> model;      // in the order they are to be listed
  std::vector<NamedBytes> bytes;       // of a folder in int8, the rest of the model; never saved
  std::vector<NamedTensor> optimizer;  // e.g. "exp_avg.NAME", "exp_avg_sq.NAME"; empty in a plain model
  Json state = Json::object();         // step, tokens, data position, random keys, schedule ...
  std::string config_yaml;
  std::string tokenizer_json;
  std::string metrics_jsonl;
  Json metadata = Json::object();  // architecture, program and library versions, source dtypes, labels ...
};

// Replaces `path` by this checkpoint, whole or not at all: temporary file, fsync, rename, fsync of the
// folder. RunError: the disk failed (what was there stays). InputError: a tensor's name can't be stored.
void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

enum class LoadParts {
  kEverything,
  kModel,  // without optimizer and metrics_jsonl, which are left empty
};

// Verifies every byte of the file, then loads; for the model alone the file's structure, then every byte that
// is loaded as it is read. InputError: not a checkpoint, truncated, too new; DamagedFile (io/hdf5_file.h)
// names the tensor.
Checkpoint load_checkpoint(const std::filesystem::path& path, LoadParts parts = LoadParts::kEverything);

// Over names, shapes and bits of all tensors, in the order of their names: equal for equal weights, whatever
// the file they came from. Printed as 16 hexadecimal digits.
std::uint64_t weights_checksum(std::span<const NamedTensor> tensors);

// The names of those that hold inf or NaN, in their order.
std::vector<std::string> tensors_not_finite(std::span<const NamedTensor> tensors);

// What is in a checkpoint, without its tensors in memory.
struct CheckpointContents {
  struct Entry {
    std::string name;   // as in Checkpoint::model or Checkpoint::optimizer
    std::string dtype;  // "float32"
    Shape shape;
    std::uint64_t bytes = 0;
  };
  std::string kind;
  std::uint32_t format_version = 0;
  std::uint64_t file_bytes = 0;
  std::vector<Entry> model;
  std::vector<Entry> optimizer;
  Json state;
  std::string config_yaml;
  std::string tokenizer_json;
  std::string metrics_jsonl;
  Json metadata;
  std::uint64_t weights_checksum = 0;   // as weights_checksum() of the loaded model
  std::vector<std::string> not_finite;  // tensors of the model that hold inf or NaN
};

// Reads the file's structure, texts and the model's tensors, one block at a time; with
// `verify`, every byte. Errors as load_checkpoint.
CheckpointContents list_checkpoint(const std::filesystem::path& path, bool verify = false);

// An upper bound for the size of a checkpoint with these tensors and this much text.
std::uint64_t expected_checkpoint_bytes(std::span<const NamedTensor> model,
                                        std::span<const NamedTensor> optimizer, std::uint64_t text_bytes);

}  // namespace espalier::io
