// A model from wherever it lies, and what a trainer puts into a checkpoint so that it can be found again.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "espalier/io/checkpoint.h"
#include "espalier/io/hf_model.h"
#include "espalier/io/json_fields.h"
#include "espalier/io/sentence_files.h"
#include "espalier/nn/classifier.h"
#include "espalier/nn/masked_lm.h"
#include "espalier/text/tokenizer.h"

namespace espalier::model {

// How the trees of a model were trained. Inference is hard by default; this says when that needs a warning,
// and which temperature soft routing takes.
struct RoutingProvenance {
  std::string mode = "hard";  // routing.mode of the training: one of config::routing_name()
  double temperature = 1.0;   // where training stopped
  bool finished = true;       // false: an anneal that had not reached its end; the trees are still a mixture
  bool trained_softly = false;          // a mixture at some time, so that a hardening gap means something
  std::optional<double> hardening_gap;  // nats, of the last evaluation in the metrics, where it has one
  // Of its mixture and of its straight-through training where it stopped, unless 0: ops::TreeRouting's.
  std::optional<double> epsilon = {}, ste_epsilon = {};
};
void describe(RoutingProvenance& routing, io::JsonFields& fields);

// The answer of a classifier: classes, or one number.
struct LabelInfo {
  std::vector<std::string> labels;  // class i is labels[i]; for a regression one name or none
  bool regression = false;
};

// Whether the outputs of two classifiers mean the same: the same classes in the same order, or a number.
bool same_answers(const LabelInfo& a, const LabelInfo& b);

struct LoadedModel {
  // Exactly one of the two.
  std::unique_ptr<nn::MaskedLm> lm;
  std::unique_ptr<nn::SequenceClassifier> classifier;

  std::filesystem::path source;  // the checkpoint or Hugging Face directory that was read
  nn::EncoderOptions arch;
  LabelInfo labels;  // of a classifier
  RoutingProvenance routing;
  std::string config_yaml;  // of the training; empty for an imported model
  std::string tokenizer_json;
  std::optional<text::Tokenizer> tokenizer;  // none where the source has none
  // transformers' clean_up_tokenization_spaces: whether decoded text has the blanks before punctuation
  // removed.
  bool clean_up_spaces = true;
  std::optional<io::SentenceOptions> sentence;  // of a sentence-transformers folder: how vectors are made
  io::Json metadata = io::Json::object();  // Checkpoint::metadata; of a Hugging Face directory as imported

  // What a folder in int8 has in bytes; the module's parameters of these names have no values, and it
  // computes after fix_precision(). Empty: any other model.
  std::set<std::string> in_bytes;

  nn::Encoder& encoder() { return lm ? lm->encoder() : classifier->encoder(); }
  nn::Module& module() { return lm ? static_cast<nn::Module&>(*lm) : *classifier; }
  // Throw InputError naming the source where there is none, and say which verb makes one.
  const text::Tokenizer& require_tokenizer() const;
  nn::MaskedLm& require_lm();
  nn::SequenceClassifier& require_classifier();
};

// MODEL is a checkpoint .h5, a run directory (its last.h5) or a Hugging Face directory. Throws InputError for
// anything else, and for a model whose tensors do not fit its architecture: missing, of another shape (both
// are given), or unknown; a folder in int8 is refused too, unless it is asked for.
LoadedModel load_model(const std::filesystem::path& model, io::HfInt8 int8 = io::HfInt8::kRefuse);

// The checkpoint file that MODEL means, or none if it is a Hugging Face directory. InputError as above.
std::optional<std::filesystem::path> checkpoint_file(const std::filesystem::path& model);
// The content of MODEL as a checkpoint: a Hugging Face directory is imported (its warnings are logged, each
// once).
io::Checkpoint load_model_checkpoint(const std::filesystem::path& model,
                                     io::HfInt8 int8 = io::HfInt8::kRefuse);
// The model in a checkpoint; `source` names it in messages. Its weights are the checkpoint's memory, so that
// they are not held twice: who trains it changes the checkpoint, and any other model that was made of that.
LoadedModel model_from_checkpoint(const io::Checkpoint& checkpoint, const std::filesystem::path& source);

// A checkpoint with everything that load_model() needs: `kind`, `model`, `tokenizer_json`, and in `metadata`
//   arch        an object of the keys of config::arch_settings, each with its text
//   classifier  {pooler, activation, head_dim, dropout, outputs, labels, regression}, for a classifier
//   routing     {mode, temperature, finished, trained_softly}, and what else RoutingProvenance has
//   program     {version, isa, onednn, bf16}
// Tensors share memory with the model. A trainer adds optimizer, state, config_yaml and metrics_jsonl.
io::Checkpoint model_checkpoint(nn::MaskedLm& model, const RoutingProvenance& routing,
                                const std::string& tokenizer_json);
io::Checkpoint model_checkpoint(nn::SequenceClassifier& model, const LabelInfo& labels,
                                const RoutingProvenance& routing, const std::string& tokenizer_json);

// What model_checkpoint() stored. InputError naming `where` and the key if it is absent or wrong.
nn::EncoderOptions arch_of(const io::Checkpoint& checkpoint, const std::string& where);
RoutingProvenance routing_of(const io::Checkpoint& checkpoint, const std::string& where);

// A module's parameters by name; they share its memory.
std::vector<io::NamedTensor> named_tensors(nn::Module& module);
// Copies weights into a module by name, e.g. to resume. Throws InputError naming `where` and the first tensor
// that is missing, has another shape, or belongs to no parameter.
void load_weights(nn::Module& module, std::span<const io::NamedTensor> tensors, const std::string& where);
// Copies the weights of another model's encoder, e.g. to fine-tune. Both must have the same architecture up
// to dropout; InputError names the first tensor that differs.
void copy_encoder(LoadedModel& from, nn::Encoder& to);
// Copies the pooler that a BERT came with into a head of its shape and activation; false where there is none.
bool copy_pooler(LoadedModel& from, nn::SequenceClassifier& to);
// Copies the whole head of a classifier into one of its shape, pooling and activation, whose outputs mean the
// same; false, and nothing is copied, where any of these differs.
bool copy_head(LoadedModel& from, const LabelInfo& answers, nn::SequenceClassifier& to);

}  // namespace espalier::model
