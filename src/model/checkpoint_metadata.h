// What a checkpoint says of its model, and models between checkpoints and Hugging Face folders.
#pragma once

#include <optional>
#include <string>

#include "espalier/io/checkpoint.h"
#include "espalier/io/hf_model.h"
#include "espalier/model/loaded_model.h"

namespace espalier::model {

// Of what config.json keeps under `espalier`: the template that tokenizer.json had for single texts.
inline constexpr const char* kSingleTemplate = "single_template";

// The part of a checkpoint's metadata that every model has.
io::Json checkpoint_metadata(const nn::EncoderOptions& arch, const RoutingProvenance& routing);

// "instruction set AVX2 until now, AVX3_DL here": what the bits of training depend on and is not as it was
// when the checkpoint was written; empty where nothing is. `with_bfloat16`: also whether there are
// instructions for bfloat16.
std::string program_changes(const io::Checkpoint& checkpoint, const std::string& where, bool with_bfloat16);

// The head of a classifier and its labels; none for a masked LM.
std::optional<nn::ClassifierOptions> classifier_of(const io::Checkpoint& checkpoint, const std::string& where,
                                                   LabelInfo& labels);

// From metadata["routing"] or config.json: InputError names the key.
RoutingProvenance routing_from(const io::JsonView& view);

io::Json classifier_json(const nn::ClassifierOptions& head, const LabelInfo& labels);

// The model as a checkpoint of kind "model". What the folder said beyond it goes into metadata["source"].
io::Checkpoint checkpoint_from_hf(const io::HfModel& model);
// The inverse; `where` names the checkpoint in messages.
io::HfModel hf_from_checkpoint(const io::Checkpoint& checkpoint, const std::string& where);

// Of a sentence-transformers folder, whose files metadata["sentence_transformers"] keeps; none for others.
std::optional<io::SentenceOptions> sentence_options_of(const io::Checkpoint& checkpoint,
                                                       const std::string& where);

// Those files, for a model that is trained further, whose tokenizer is that of its data; null for others.
io::Json sentence_files_of(const io::Checkpoint& checkpoint, const std::string& where);
void keep_sentence_files(io::Checkpoint& checkpoint, const io::Json& files);

// transformers' clean_up_tokenization_spaces of the folder it came from; true for our own models.
bool cleans_up_spaces(const io::Checkpoint& checkpoint);

}  // namespace espalier::model
