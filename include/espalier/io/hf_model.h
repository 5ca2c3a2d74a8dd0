// Models in the layouts that Hugging Face's transformers and the original UltraFastBERT code read and write:
// a folder with config.json, model.safetensors and the tokenizer's files.
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

// Whose classes read a folder, which decides its keys and the names of its tensors.
enum class HfLayout {
  // pbelcak/UltraFastBERT, training/cramming/architectures: our names, but for the trees' `linear_out`
  // [d, trees * nodes], which is our `linear_out.weight_t` transposed.
  kOriginal,
  // transformers, models/bert and models/distilbert: model_type bert and distilbert. Queries, keys and values
  // are tensors of their own.
  kBert,
  kDistilBert,
  // The modules of src/io/python, which lie in the folder: model_type espalier. Our names and layouts.
  kEspalier,
};

// What a folder says beyond the model itself, kept so that it can be written back as it was.
struct HfSource {
  Json config;                // config.json; of the original, with `arch` inside wherever it was; null: none
  Json tokenizer_config;      // tokenizer_config.json; null: none
  Json special_tokens_map;    // special_tokens_map.json; null: none
  DType dtype = DType::kF32;  // of tensors that are not in `dtypes`
  std::map<std::string, DType> dtypes;  // by the names that write_hf_model() gives
  // Tensors that follow from the architecture or have no effect, where their stored values are not what we
  // would write, in the layout's names: buffers of the original; of a BERT its next-sentence head, which
  // nothing here trains.
  std::vector<NamedTensor> buffers;
};

struct HfModel {
  nn::EncoderOptions arch;
  std::optional<nn::ClassifierOptions> classifier;  // none: a masked LM
  std::vector<std::string> labels;                  // id2label; of a regression one name or none
  std::vector<NamedTensor> tensors;                 // our names and layouts, io::visit_model_tensors() order
  std::vector<NamedBytes> bytes;  // those of a folder in int8 that HfInt8::kKeep left as they are
  std::string tokenizer_json;     // empty: none
  Json sentence_files;  // read_sentence_files() of a sentence-transformers folder; null: it is none, or of a
                        // classifier, where they say nothing of vectors
  Json own;  // what this program keeps in config.json as `espalier`, which others ignore; null: nothing
  HfSource source;
  std::vector<std::string> warnings;  // of reading: what was ignored or repaired, with the file and the key
};

// What becomes of a folder whose weights are int8 (io/hf_int8.h).
enum class HfInt8 {
  kRefuse,      // InputError that says what such a folder is for
  kKeep,        // HfModel::bytes
  kDequantize,  // HfModel::tensors, as the bytes stand for them
};

// Reads config.json (or the original's model_config.json, where the architecture is the top level) and
// model.safetensors, in one file or sharded with its index; float32, float16 and bfloat16 exactly.
// Architectures that cannot be computed exactly are refused, naming the key and its value. Throws InputError
// naming file and key or tensor.
// - The original: of the tied word embedding and decoder either may be missing; if both are there and differ,
//   the decoder wins with a warning, as in the original. `rotary_embedding: true` computes nothing there and
//   is read as none, with a warning.
// - BertModel, BertForMaskedLM, BertForPreTraining, BertForSequenceClassification and DistilBERT's three, by
//   `architectures` or else by the tensors that are there; with or without "bert." in the names, with gamma
//   and beta too. A decoder that differs from the word embedding is refused: ours is tied. Heads that the
//   class does not have are left out with a warning.
// - Our own three classes, Espalier...: as transformers saves them after training, too.
HfModel read_hf_model(const std::filesystem::path& folder, HfInt8 int8 = HfInt8::kRefuse);

enum class HfFormat {
  kAuto,          // the original's where it computes the model, else as kTransformers
  kOriginal,      // HfLayout::kOriginal
  kTransformers,  // HfLayout::kBert or kDistilBert where they compute it, else kEspalier
};

struct HfWriteOptions {
  // F32, F16 or BF16 for every floating-point tensor; none: each as in HfSource. I8: in int8 what a model
  // that is used in int8 has in bytes (io/hf_int8.h), the others in F32; kOriginal has no such form.
  std::optional<DType> dtype;
  std::string model_card;  // README.md; empty: none
  HfFormat format = HfFormat::kAuto;
  std::vector<std::filesystem::path> event_files = {};  // copied into the folder tensorboard
};

// The layout whose classes compute the model exactly. InputError naming the setting where kOriginal is asked
// for and does not (leaf trees, soft routing, post-norm layers, int8 ...).
HfLayout export_layout(const HfModel& model, HfFormat format = HfFormat::kAuto,
                       std::optional<DType> dtype = std::nullopt);

// Writes a folder that appears under its name whole or not at all. A folder that is there is replaced if it
// is empty or holds an earlier export and nothing else, else InputError; so for export_layout(). Of a base
// model alone the tensors' names begin as its save_pretrained() has them, without "bert.". RunError: the disk
// failed; what was there stays.
void write_hf_model(const std::filesystem::path& folder, const HfModel& model,
                    const HfWriteOptions& options = {});

// Whether the folder that write_hf_model() writes holds complex tensors: the tables of rotary positions.
bool stores_rotary_tables(const HfModel& model);

// HfSource as JSON, for a checkpoint's metadata, and back. `where` names the checkpoint in messages.
Json hf_source_json(const HfSource& source);
HfSource hf_source_from_json(const Json& json, const std::string& where);

}  // namespace espalier::io
