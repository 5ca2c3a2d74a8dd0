// The layouts of transformers' BERT and DistilBERT: tensors into a model.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "espalier/base/error.h"
#include "espalier/io/model_tensors.h"
#include "io/hf_names.h"
#include "io/hf_readers.h"
#include "io/hf_stock_keys.h"
#include "io/hf_tensors.h"

namespace espalier::io {

namespace {

// "...LayerNorm.weight" -> "...LayerNorm.gamma", as the first conversions from TensorFlow have it.
std::string old_norm_name(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  const std::string_view module = std::string_view(name).substr(0, dot);
  if (!module.ends_with("LayerNorm") && !module.ends_with("layer_norm")) return name;
  return std::string(module) + (name.substr(dot) == ".weight" ? ".gamma" : ".beta");
}

// Heads that a class may be without. Anything else that is not known is part of an encoder that we do not
// compute.
bool is_of_some_head(const std::string& name) {
  constexpr std::array<const char*, 6> kHeads = {"cls.",   "classifier.", "qa_outputs.", "pre_classifier.",
                                                 "vocab_", "pooler."};
  return std::any_of(kHeads.begin(), kHeads.end(), [&](const char* head) { return name.starts_with(head); });
}

class StockReader {
 public:
  StockReader(HfModel& model, const HfConfig& config, HfTensorFile& file)
      : model_(model), config_(config), layout_(config.layout), file_(file) {}

  void read_all() {
    choose_class();
    validate_arch(model_, config_);
    const nn::ClassifierOptions* head = model_.classifier ? &*model_.classifier : nullptr;
    visit_model_tensors(model_.arch, head,
                        [this](const std::string& name, const Shape& shape) { add(name, shape); });
    if (head == nullptr && model_.arch.masked_lm_head) check_tied();
    read_buffers();
    refuse_unknown();
  }

 private:
  // The name under which the file has a tensor of one of the classes with a head; `name` where it has none.
  std::string found_name(const std::string& name) const {
    for (const std::string& base : {name, without_base(layout_, name)}) {
      for (const std::string& candidate : {base, old_norm_name(base)}) {
        if (file_.contains(candidate)) return candidate;
      }
    }
    return name;
  }
  bool has(const std::string& name) const { return file_.contains(found_name(name)); }
  bool has_module(const std::string& ours) const {
    return has(hf_stored(layout_, ours + ".weight").names[0]);
  }

  // By the name of the class, or else by what is there.
  void choose_class() {
    nn::EncoderOptions& arch = model_.arch;
    const bool bert = layout_ == HfLayout::kBert;
    const bool pooler = has_module("pooler.dense");
    const bool named = config_.encoder_named || config_.masked_lm_named || config_.sequence_classifier_named;
    const bool classifier =
        named ? config_.sequence_classifier_named : pooler && file_.contains("classifier.weight");
    if (classifier) set_classifier(model_, config_, file_, "classifier.weight");
    arch.masked_lm_head = !classifier && (named ? config_.masked_lm_named : has_module("transform.dense"));
    arch.head_transform = arch.masked_lm_head;
    arch.decoder_bias = arch.masked_lm_head;
    arch.pooler = bert && (classifier || pooler);
  }

  // The name of a stored part in the file. Of the tied pair either may be missing.
  std::string part_name(const std::string& name, const std::string& part) const {
    const bool decoder = name == kWordEmbedding && !has(part) && file_.contains(decoder_name(layout_));
    return decoder ? decoder_name(layout_) : found_name(part);
  }

  void add(const std::string& name, const Shape& shape) {
    const HfStored stored = hf_stored(layout_, name);
    if (!file_.holds_bytes(part_name(name, stored.names[0]))) {
      model_.tensors.push_back({name, tensor(name, shape)});
      return;
    }
    std::vector<ByteMatrix> parts;
    for (const std::string& part : stored.names)
      parts.push_back(file_.take_bytes(part_name(name, part), hf_shape(stored, shape), part));
    model_.bytes.push_back({name, from_hf(stored, parts, model_.arch.attention.heads)});
  }

  Tensor tensor(const std::string& name, const Shape& shape) {
    if (name == kDecoderBias) return decoder_bias(shape);
    const HfStored stored = hf_stored(layout_, name);
    const Shape part_shape = hf_shape(stored, shape);
    std::vector<Tensor> parts;
    for (const std::string& part : stored.names)
      parts.push_back(file_.take(part_name(name, part), part_shape, part));
    return from_hf(stored, parts, model_.arch.attention.heads);
  }

  // BERT keeps it twice; where the two differ, transformers computes with the decoder's.
  Tensor decoder_bias(const Shape& shape) {
    const std::string written = hf_stored(layout_, kDecoderBias).names[0];
    const std::string copy = "cls.predictions.decoder.bias";
    if (layout_ != HfLayout::kBert || !file_.contains(copy)) return file_.take(written, shape);
    Tensor bias = file_.take(copy, shape, written);
    if (file_.contains(written) && !same_bytes(bias, file_.take(written, shape))) {
      model_.warnings.push_back(
          fmt::format("{}: `{}` and `{}` are one in transformers but differ; the first was taken",
                      file_.where(), copy, written));
    }
    return bias;
  }

  void check_tied() {
    const std::string decoder = decoder_name(layout_);
    const bool tied = JsonView(config_.document, config_.where).get("tie_word_embeddings", true);
    const auto words = std::find_if(model_.tensors.begin(), model_.tensors.end(),
                                    [](const NamedTensor& entry) { return entry.name == kWordEmbedding; });
    const std::string stored = hf_stored(layout_, kWordEmbedding).names[0];
    if (words == model_.tensors.end()) {  // in bytes
      if (!has(stored) || !file_.contains(decoder)) return;
      file_.fail(fmt::format("`{}` lies beside `{}` in int8, to which it is tied: leave it out", decoder,
                             found_name(stored)));
    }
    if (!file_.contains(decoder)) {
      if (tied) return;
      file_.fail(fmt::format("tensor `{}` {} is missing: {} says tie_word_embeddings: false", decoder,
                             words->value.shape().str(), config_.where));
    }
    if (!file_.take_equal(decoder, part_name(kWordEmbedding, stored), words->value, decoder)) {
      file_.fail(fmt::format(
          "`{}` and `{}` differ, but the decoder of a masked LM is tied to the word embedding here; the "
          "encoder alone is read with \"architectures\": [\"{}\"] in {}",
          decoder, found_name(stored), stock_keys(layout_).encoder_class, config_.where));
    }
    if (tied) return;
    model_.warnings.push_back(
        fmt::format("{}: tie_word_embeddings: false, but decoder and word embedding are equal: they are read "
                    "as one and stay one in training",
                    config_.where));
  }

  void read_buffers() {
    // Old versions stored what they count by.
    for (const char* name : {"embeddings.position_ids", "embeddings.token_type_ids"}) {
      const std::string base = std::string(stock_keys(layout_).model_type) + "." + name;
      for (const std::string& found : {base, std::string(name)}) {
        if (file_.contains(found)) check_ids(found, found.ends_with("position_ids") ? 1 : 0);
      }
    }
    if (layout_ != HfLayout::kBert || model_.classifier || !model_.arch.masked_lm_head) return;
    keep("cls.seq_relationship.weight", {2, model_.arch.hidden_size});
    keep("cls.seq_relationship.bias", {2});
  }

  void keep(const std::string& name, const Shape& shape) {
    if (file_.contains(name)) model_.source.buffers.push_back({name, file_.take(name, shape)});
  }

  // [1, positions]: 0, step, 2 step ...
  void check_ids(const std::string& name, std::int64_t step) {
    const std::vector<std::int64_t> ids = file_.take_ints(name, {1, model_.arch.embedding.max_positions});
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::int64_t expected = step * static_cast<std::int64_t>(i);
      if (ids[i] == expected) continue;
      file_.fail(fmt::format("tensor `{}`: element {} is {}, expected {}: other numberings are not supported",
                             name, i, ids[i], expected));
    }
  }

  void refuse_unknown() {
    std::vector<std::string> heads, unknown;
    for (const std::string& name : file_.unused()) {
      (is_of_some_head(without_base(layout_, name)) ? heads : unknown).push_back(name);
    }
    if (!unknown.empty()) {
      file_.fail(fmt::format("{} unknown to {}: {}", unknown.size() == 1 ? "a tensor is" : "tensors are",
                             stock_class(model_, layout_), file_.listed(unknown)));
    }
    if (heads.empty()) return;
    model_.warnings.push_back(fmt::format("{}: {} has no such head, which was left out: {}", file_.where(),
                                          stock_class(model_, layout_), file_.listed(heads)));
  }

  HfModel& model_;
  const HfConfig& config_;
  HfLayout layout_;
  HfTensorFile& file_;
};

}  // namespace

void read_stock(HfModel& model, const HfConfig& config, HfTensorFile& file) {
  StockReader(model, config, file).read_all();
}

}  // namespace espalier::io
