#include "espalier/nn/parameter_list.h"

#include <doctest/doctest.h>

#include <vector>

#include "espalier/nn/classifier.h"
#include "espalier/nn/masked_lm.h"

namespace espalier::nn {
namespace {

using Lines = std::vector<std::string>;

template <class Describe>
Lines listed(const Describe& describe, bool children = true) {
  Lines lines;
  const auto add = [&](const ParameterInfo& parameter) {
    const char* const parts[] = {"embedding", "attention", "feedforward", "norms", "head"};
    lines.push_back(parameter.name + " " + parameter.shape.str() + " " +
                    parts[static_cast<std::size_t>(parameter.part)]);
  };
  describe(children ? ParameterList(add) : ParameterList::without_children(add));
  return lines;
}

EncoderOptions tiny() {
  EncoderOptions options;
  options.layers = 1;
  options.hidden_size = 24;
  options.embedding.vocab_size = 16;
  options.decoder_bias = true;
  options.ffn.depth = 2;
  return options;
}

}  // namespace

TEST_CASE("a masked LM lists paths, shapes and parts of the model") {
  const Lines expected = {"decoder.bias [16] head",
                          "encoder.embedding.word_embedding.weight [16,24] embedding",
                          "encoder.embedding.pos_embedding.scale_factor [1] embedding",
                          "encoder.embedding.norm.weight [24] norms",
                          "encoder.embedding.norm.bias [24] norms",
                          "encoder.layers.0.norm1.weight [24] norms",
                          "encoder.layers.0.norm1.bias [24] norms",
                          "encoder.layers.0.attn.self_attention.query_key_value.weight [72,24] attention",
                          "encoder.layers.0.attn.dense.weight [24,24] attention",
                          "encoder.layers.0.norm2.weight [24] norms",
                          "encoder.layers.0.norm2.bias [24] norms",
                          "encoder.layers.0.ffn.linear_in.weight [7,24] feedforward",
                          "encoder.layers.0.ffn.linear_in.bias [7] feedforward",
                          "encoder.layers.0.ffn.linear_out.weight_t [7,24] feedforward",
                          "encoder.final_norm.weight [24] norms",
                          "encoder.final_norm.bias [24] norms"};
  CHECK(listed([](const ParameterList& list) { MaskedLm::describe(list, tiny()); }) == expected);
}

TEST_CASE("BERT adds types, biases, the head's transform and a carried pooler") {
  EncoderOptions options = bert_options();
  options.layers = 0;
  options.hidden_size = 24;
  options.embedding.vocab_size = 16;
  options.embedding.max_positions = 8;
  options.pooler = true;
  const Lines expected = {"decoder.bias [16] head",
                          "pooler.dense.weight [24,24] head",
                          "pooler.dense.bias [24] head",
                          "encoder.embedding.word_embedding.weight [16,24] embedding",
                          "encoder.embedding.pos_embedding.embedding.weight [8,24] embedding",
                          "encoder.embedding.token_type_embedding.weight [2,24] embedding",
                          "encoder.embedding.norm.weight [24] norms",
                          "encoder.embedding.norm.bias [24] norms",
                          "transform.dense.weight [24,24] head",
                          "transform.dense.bias [24] head",
                          "transform.norm.weight [24] norms",
                          "transform.norm.bias [24] norms"};
  CHECK(listed([&](const ParameterList& list) { MaskedLm::describe(list, options); }) == expected);
}

TEST_CASE("without children only a module's own parameters are listed") {
  const auto lm = [](const ParameterList& list) { MaskedLm::describe(list, tiny()); };
  CHECK(listed(lm, false) == Lines{"decoder.bias [16] head"});
  const auto classifier = [](const ParameterList& list) { SequenceClassifier::describe(list, tiny(), {}); };
  CHECK(listed(classifier, false).empty());
}

}  // namespace espalier::nn
