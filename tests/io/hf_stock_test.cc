// BERT and DistilBERT folders: read in every form that they come in, and written back.
#include <doctest/doctest.h>

#include <cstring>

#include "espalier/io/hf_model.h"
#include "io/hf_names.h"
#include "tests/io/hf_support.h"
#include "tests/support/stock_folder.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::HfFolder;
using testing::stock_folder;
using testing::TempDir;
using namespace hf_testing;

constexpr const char* kClasses[] = {"BertModel",
                                    "BertForMaskedLM",
                                    "BertForPreTraining",
                                    "BertForSequenceClassification",
                                    "DistilBertModel",
                                    "DistilBertForMaskedLM",
                                    "DistilBertForSequenceClassification"};

const Tensor& tensor_of(const HfModel& model, const std::string& name) {
  for (const NamedTensor& tensor : model.tensors) {
    if (tensor.name == name) return tensor.value;
  }
  FAIL("no tensor " << name);
  return model.tensors.front().value;
}

std::uint64_t checksum_of(const HfFolder& folder) {
  const TempDir dir;
  return weights_checksum(read_back(folder, dir).tensors);
}

TEST_CASE("every class goes in and out: tensors to the bit, all of its config") {
  for (const char* name : kClasses) {
    INFO(name);
    check_round_trip(stock_folder(name));
  }
}

TEST_CASE("a BERT's configuration becomes options") {
  const TempDir dir;
  const HfModel model = read_back(stock_folder("BertForSequenceClassification"), dir);
  const nn::EncoderOptions& arch = model.arch;
  CHECK(arch.family == nn::Family::kBert);
  CHECK(arch.layers == 2);
  CHECK(arch.hidden_size == 8);
  CHECK(arch.attention.heads == 2);
  CHECK(arch.ffn.width == 12);
  CHECK(arch.ffn.activation == nn::Activation::kGelu);
  CHECK(arch.norm_eps == 1e-6);
  CHECK(arch.dropout == 0.3);
  CHECK(arch.embedding.dropout == 0.3);
  CHECK(arch.attention.dropout == 0.2);
  CHECK(arch.attention.output_dropout);
  CHECK(arch.init_std == 0.05);
  CHECK(arch.embedding.token_types == 2);
  REQUIRE(model.classifier);
  CHECK(model.classifier->labels == 3);
  CHECK(model.classifier->head_dim == 8);
  CHECK(model.classifier->pooler == nn::Pooler::kFirst);
  CHECK(model.classifier->activation == nn::HeadActivation::kTanh);
  CHECK(model.classifier->dropout == 0.3);  // classifier_dropout: null
  CHECK(model.labels == std::vector<std::string>{"bad", "fair", "good"});
  CHECK(joined(model.warnings).empty());
}

TEST_CASE("a DistilBERT has no types, and a relu in its head") {
  const TempDir dir;
  const HfModel model = read_back(stock_folder("DistilBertForSequenceClassification"), dir);
  CHECK(model.arch.embedding.token_types == 0);
  CHECK(model.arch.norm_eps == 1e-12);
  CHECK(model.arch.ffn.activation == nn::Activation::kGeluTanh);
  CHECK(model.arch.attention.dropout == 0.2);
  CHECK_FALSE(model.arch.attention.output_dropout);
  CHECK(!model.arch.pooler);
  REQUIRE(model.classifier);
  CHECK(model.classifier->activation == nn::HeadActivation::kRelu);
  CHECK(model.classifier->dropout == 0.4);
}

// from_pretrained() of transformers 4.41.2, 5.0.0 and 5.23.0 gives positions that are those of the file and
// learn, whatever the key says; only a new model gets the table of sines.
TEST_CASE("a DistilBERT's positions are those of its weights, with sinusoidal_pos_embds too") {
  HfFolder folder = stock_folder("DistilBertModel");
  const std::uint64_t learned = checksum_of(folder);
  folder.config["sinusoidal_pos_embds"] = true;
  CHECK(checksum_of(folder) == learned);
  const TempDir dir;
  const HfModel model = read_back(folder, dir);
  CHECK(model.arch.embedding.positions == nn::Positions::kLearned);
  CHECK(model.warnings.empty());
}

TEST_CASE("heads follow the class") {
  struct Expected {
    const char* name;
    bool masked_lm_head, pooler;
  };
  for (const Expected& expected : {Expected{"BertModel", false, true},
                                   {"BertForMaskedLM", true, false},
                                   {"BertForPreTraining", true, true},
                                   {"DistilBertModel", false, false},
                                   {"DistilBertForMaskedLM", true, false}}) {
    INFO(expected.name);
    HfFolder folder = stock_folder(expected.name);
    for (const bool named : {true, false}) {
      if (!named) folder.config.erase("architectures");
      const TempDir dir;
      const HfModel model = read_back(folder, dir);
      CHECK(!model.classifier);
      CHECK(model.arch.masked_lm_head == expected.masked_lm_head);
      CHECK(model.arch.head_transform == expected.masked_lm_head);
      CHECK(model.arch.decoder_bias == expected.masked_lm_head);
      CHECK(model.arch.pooler == expected.pooler);
    }
  }
  for (const char* name : {"BertForSequenceClassification", "DistilBertForSequenceClassification"}) {
    HfFolder folder = stock_folder(name);
    folder.config.erase("architectures");
    folder.config.erase("id2label");
    const TempDir dir;
    const HfModel model = read_back(folder, dir);
    REQUIRE(model.classifier);
    CHECK(model.classifier->labels == 3);
    CHECK(model.labels[2] == "LABEL_2");
  }
}

TEST_CASE("queries, keys and values lie head by head, and come apart again") {
  const TempDir dir;
  const HfFolder folder = stock_folder("BertModel");
  const HfModel model = read_back(folder, dir);
  const std::string ours = "encoder.layers.1.attn.self_attention.query_key_value.weight";
  const Tensor& fused = tensor_of(model, ours);
  const std::string stock = "encoder.layer.1.attention.self.";
  HfFolder copy = folder;
  // Head 1, of rows 4 to 7: its key is the fifth block of 4 rows.
  const Tensor& key = copy.tensor(stock + "key.weight").value;
  for (std::int64_t i = 0; i < 4 * 8; ++i) CHECK(fused.data()[16 * 8 + i] == key.data()[4 * 8 + i]);
  const HfStored stored = hf_stored(HfLayout::kBert, ours);
  CHECK(stored.names[1] == "bert." + stock + "key.weight");
  CHECK(hf_shape(stored, fused.shape()) == Shape{8, 8});
  const std::vector<NamedTensor> parts = to_hf(stored, fused, 2);
  REQUIRE(parts.size() == 3);
  CHECK(std::memcmp(parts[1].value.data(), key.data(), 64 * sizeof(float)) == 0);
}

TEST_CASE("other forms of the same model read alike") {
  for (const char* name : kClasses) {
    INFO(name);
    const HfFolder plain = stock_folder(name);
    const std::uint64_t expected = checksum_of(plain);
    const bool bert = plain.config["model_type"] == "bert";
    const std::string base = bert ? "bert." : "distilbert.";
    // With the prefix or without it, whatever the class saves.
    HfFolder other = plain;
    const bool has_base = plain.tensors[0].name.starts_with(base);
    testing::rename_tensors(other, [&](const std::string& old) {
      if (has_base) return old.starts_with(base) ? old.substr(base.size()) : old;
      return base + old;
    });
    CHECK(checksum_of(other) == expected);
    // As TensorFlow named norms, and with what old versions stored beside.
    testing::rename_tensors(other, [](const std::string& old) {
      const std::size_t norm = old.find("LayerNorm.");
      if (norm == std::string::npos) return old;
      return old.substr(0, norm + 10) + (old.ends_with("weight") ? "gamma" : "beta");
    });
    Tensor ids = Tensor::empty({1, 32});
    for (int i = 0; i < 32; ++i) ids.data()[i] = static_cast<float>(i);
    other.tensors.push_back(
        {has_base ? "embeddings.position_ids" : base + "embeddings.position_ids", ids, DType::kI64});
    other.tensors.push_back({base + "embeddings.token_type_ids", Tensor::zeros({1, 32}), DType::kI64});
    CHECK(checksum_of(other) == expected);
    other.config.erase("model_type");  // older than that key
    CHECK(checksum_of(other) == expected);
  }
}

TEST_CASE("a masked LM's decoder may be there, or be all that is there of the tied pair") {
  for (const char* name : {"BertForMaskedLM", "DistilBertForMaskedLM"}) {
    HfFolder folder = stock_folder(name);
    const bool bert = folder.config["model_type"] == "bert";
    const std::string words = folder.tensors[0].name;
    const std::string decoder = bert ? "cls.predictions.decoder.weight" : "vocab_projector.weight";
    const std::uint64_t expected = checksum_of(folder);
    folder.tensors.push_back({decoder, folder.tensor(words).value});
    CHECK(checksum_of(folder) == expected);
    HfFolder alone = folder;
    alone.remove(words);
    CHECK(checksum_of(alone) == expected);

    // Said to be untied, it is written too.
    folder.config["tie_word_embeddings"] = false;
    check_round_trip(folder);
    HfFolder missing = folder;
    missing.remove(decoder);
    CHECK(error_of_reading(missing).find("tensor `" + decoder + "` [450,8] is missing") != std::string::npos);
    const TempDir dir;
    CHECK(joined(read_back(folder, dir).warnings).find("stay one in training") != std::string::npos);

    folder.tensor(decoder).value = testing::random_tensor({450, 8}, 77);
    const std::string error = error_of_reading(folder);
    CHECK(error.find("`" + decoder + "` and `" + words + "` differ") != std::string::npos);
    CHECK(error.find("\"architectures\": [\"" + std::string(bert ? "BertModel" : "DistilBertModel")) !=
          std::string::npos);
  }
}

TEST_CASE("of two biases of a decoder the one that transformers computes with is taken") {
  HfFolder folder = stock_folder("BertForMaskedLM");
  folder.tensors.push_back({"cls.predictions.decoder.bias", folder.tensor("cls.predictions.bias").value});
  const TempDir dir;
  CHECK(read_back(folder, dir).warnings.empty());
  const Tensor other = testing::random_tensor({450}, 99);
  folder.tensor("cls.predictions.decoder.bias").value = other;
  const TempDir dir2;
  const HfModel model = read_back(folder, dir2);
  CHECK(joined(model.warnings).find("`cls.predictions.decoder.bias` and `cls.predictions.bias`") !=
        std::string::npos);
  CHECK(tensor_of(model, "decoder.bias").data()[3] == other.data()[3]);
}

TEST_CASE("16-bit types come back tensor by tensor") {
  for (const char* name : {"BertForPreTraining", "DistilBertModel"}) {
    HfFolder folder = stock_folder(name);
    for (SafetensorsEntry& entry : folder.tensors) entry.dtype = DType::kBF16;
    folder.tensors[5].dtype = DType::kF32;
    folder.tensors[9].dtype = DType::kF16;
    check_round_trip(folder);
  }
}

TEST_CASE("the encoder of another head is read by its own class, and what is left out is named") {
  HfFolder folder = stock_folder("BertForMaskedLM");
  folder.config["architectures"] = {"BertModel"};
  const TempDir dir;
  const HfModel model = read_back(folder, dir);
  CHECK(!model.arch.masked_lm_head);
  CHECK(!model.arch.pooler);
  CHECK(joined(model.warnings)
            .find("BertModel has no such head, which was left out: `cls.predictions.bias` "
                  "[450], ") != std::string::npos);
}

}  // namespace
}  // namespace espalier::io
