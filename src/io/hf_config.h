// config.json, to our options and back: of a crammed BERT, or of one of transformers' classes.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "espalier/io/hf_model.h"
#include "espalier/io/json.h"

namespace espalier::io {

struct HfConfig {
  HfLayout layout = HfLayout::kOriginal;
  nn::EncoderOptions arch;     // vocab_size 0 where the file leaves it open
  nn::ClassifierOptions head;  // `labels` 0 where the file leaves it open
  std::vector<std::string> labels;
  bool sequence_classifier_named = false;  // `architectures` says so
  bool masked_lm_named = false;
  bool encoder_named = false;
  bool int8 = false;                   // weights lie there in int8 (io/hf_int8.h)
  bool rotary_without_effect = false;  // the original stores buffers for it all the same
  Json document;                       // config.json, with `arch` inside
  std::string where;                   // the file it was read from
  std::vector<std::string> warnings;
};

// Reads FOLDER/config.json, or FOLDER/model_config.json where there is no config.json with an `arch`.
HfConfig read_hf_config(const std::filesystem::path& folder);

// A complete config.json of the model in `layout`: the one it came with, or a new one. `dtype`: what all
// tensors are written as, if they are not written as they came.
Json hf_config(const HfModel& model, HfLayout layout, std::optional<DType> dtype);

// The `arch` mapping into options; `view` is at the mapping. Appends to `config.warnings`.
void parse_hf_arch(const JsonView& view, HfConfig& config);

// The layout of `model_type` bert or distilbert; none for others.
std::optional<HfLayout> stock_layout(const std::string& model_type);
// The keys that these classes read, beside the layout, into options; refuses what we cannot compute.
void parse_stock_config(const JsonView& document, HfConfig& config);
// A new config.json for one of them, without labels.
Json new_stock_config(const HfModel& model, HfLayout layout);
// Its class: BertModel, BertForMaskedLM ...
std::string stock_class(const HfModel& model, HfLayout layout);

// The same for our own classes. Of a masked LM or encoder the keys of the head that are there stay.
inline constexpr const char* kEspalierType = "espalier";
void parse_espalier_config(HfConfig& config);
void write_espalier_config(const HfModel& model, Json& document);

// InputError if `problem_type` asks for another loss than a head of so many labels has here.
void require_problem_type(const HfConfig& config, std::int64_t labels);

// InputError if the classification head in config.json is one that we do not have.
void require_supported_head(const HfConfig& config);

}  // namespace espalier::io
