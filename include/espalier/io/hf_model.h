// Models in the layout that Hugging Face's transformers and the original UltraFastBERT code read and write:
// a folder with config.json, model.safetensors and the tokenizer's files. Names and shapes of tensors are the
// original's (pbelcak/UltraFastBERT, training/cramming/architectures) but for neuron trees, whose
// `ffn.linear_out.weight` [d, trees * nodes] is our `ffn.linear_out.weight_t`, transposed.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "espalier/io/checkpoint.h"
#include "espalier/io/safetensors.h"
#include "espalier/nn/classifier.h"

namespace espalier::io {

// What a folder says beyond the model itself, kept so that it can be written back as it was.
struct HfSource {
  Json config;                // config.json with `arch` inside, whichever layout was read; null: none
  Json tokenizer_config;      // tokenizer_config.json; null: none
  Json special_tokens_map;    // special_tokens_map.json; null: none
  DType dtype = DType::kF32;  // of tensors that are not in `dtypes`
  std::map<std::string, DType> dtypes;  // by the original's names
  // Tensors that follow from the architecture or have no effect, where their stored values are not what we
  // would write: the original's names and layouts.
  std::vector<NamedTensor> buffers;
};

struct HfModel {
  nn::CrammedBertOptions arch;
  std::optional<nn::ClassifierOptions> classifier;  // none: a masked LM
  std::vector<std::string> labels;                  // id2label; of a regression one name or none
  std::vector<NamedTensor> tensors;                 // our names and layouts, io::visit_model_tensors() order
  std::string tokenizer_json;                       // empty: none
  Json own;  // what this program keeps in config.json as `espalier`, which others ignore; null: nothing
  HfSource source;
  std::vector<std::string> warnings;  // of reading: what was ignored or repaired, with the file and the key
};

// Reads config.json (or the original's model_config.json, where the architecture is the top level) and
// model.safetensors, in one file or sharded with its index; float32, float16 and bfloat16 exactly.
// Architectures that cannot be computed exactly are refused, naming the key and its value. Of the tied
// word embedding and decoder either may be missing; if both are there and differ, the decoder wins with a
// warning, as in the original. `rotary_embedding: true` computes nothing in the original and is read as none,
// with a warning. Throws InputError naming file and key or tensor.
HfModel read_hf_model(const std::filesystem::path& folder);

struct HfWriteOptions {
  // F32, F16 or BF16 for every floating-point tensor; none: each as in HfSource.
  std::optional<DType> dtype;
  std::string model_card;  // README.md; empty: none
};

// Writes a folder that appears under its name whole or not at all. A folder that is there is replaced if it
// is empty or holds an earlier export and nothing else, else InputError. InputError also for what the
// original cannot compute exactly (leaf trees, rotary positions beyond 1024), naming the setting. RunError:
// the disk failed; what was there stays.
void write_hf_model(const std::filesystem::path& folder, const HfModel& model,
                    const HfWriteOptions& options = {});

// Whether the folder that write_hf_model() writes holds complex tensors: the tables of rotary positions.
bool stores_rotary_tables(const HfModel& model);

// Throws InputError if write_hf_model() would refuse the architecture.
void require_exportable(const nn::CrammedBertOptions& arch);

// HfSource as JSON, for a checkpoint's metadata, and back. `where` names the checkpoint in messages.
Json hf_source_json(const HfSource& source);
HfSource hf_source_from_json(const Json& json, const std::string& where);

}  // namespace espalier::io
