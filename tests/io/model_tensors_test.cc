#include "espalier/io/model_tensors.h"

#include <doctest/doctest.h>

#include "espalier/nn/masked_lm.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

nn::EncoderOptions tiny() {
  nn::EncoderOptions arch;
  arch.layers = 2;
  arch.hidden_size = 8;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 11;
  arch.embedding.max_positions = 6;
  arch.ffn.trees = 3;
  arch.ffn.depth = 2;
  arch.ffn.leaf_width = 5;
  arch.ffn.width = 10;
  return arch;
}

std::vector<std::string> listed(const nn::EncoderOptions& arch, const nn::ClassifierOptions* head) {
  std::vector<std::string> lines;
  visit_model_tensors(
      arch, head, [&](const std::string& name, const Shape& shape) { lines.push_back(name + shape.str()); });
  return lines;
}

std::vector<std::string> listed(const nn::Module& module) {
  std::vector<std::string> lines;
  for (const nn::NamedParameter& parameter : module.parameters()) {
    lines.push_back(parameter.name + parameter.value.value().shape().str());
  }
  return lines;
}

std::vector<nn::EncoderOptions> architectures() {
  std::vector<nn::EncoderOptions> all;
  for (const auto type : {nn::FeedForwardType::kNeuronTree, nn::FeedForwardType::kLeafTree,
                          nn::FeedForwardType::kDense, nn::FeedForwardType::kGated}) {
    all.push_back(tiny());
    all.back().ffn.type = type;
    all.push_back(all.back());
    all.back().use_bias = all.back().decoder_bias = all.back().attention.qkv_bias = true;
    all.back().embedding.positions = nn::Positions::kLearned;
    all.back().ffn.depth = 0;
  }
  all.push_back(tiny());
  all.back().ffn.type = nn::FeedForwardType::kDense;
  all.back().ffn.width = 0;
  all.back().embedding.positions = nn::Positions::kNone;
  all.back().embedding.norm = all.back().final_norm = false;
  return all;
}

TEST_CASE("the list of tensors is that of the modules") {
  for (const nn::EncoderOptions& arch : architectures()) {
    INFO(nn::describe(arch.ffn));
    CHECK(listed(arch, nullptr) == listed(nn::MaskedLm(arch)));
    nn::ClassifierOptions head;
    head.head_dim = 4;
    head.labels = 3;
    CHECK(listed(arch, &head) == listed(nn::SequenceClassifier(arch, head)));
  }
}

std::vector<NamedTensor> tensors_of(const nn::EncoderOptions& arch) {
  std::vector<NamedTensor> tensors;
  visit_model_tensors(arch, nullptr, [&](const std::string& name, const Shape& shape) {
    tensors.push_back({name, Tensor::zeros(shape)});
  });
  return tensors;
}

TEST_CASE("a tensor that is missing, misshapen or unknown is named") {
  const nn::EncoderOptions arch = tiny();
  const auto error = [&](const std::vector<NamedTensor>& tensors) {
    return testing::error_of([&] { check_model_tensors(arch, nullptr, tensors, "a.h5"); });
  };
  std::vector<NamedTensor> tensors = tensors_of(arch);
  check_model_tensors(arch, nullptr, tensors, "a.h5");

  tensors = tensors_of(arch);
  std::erase_if(tensors, [](const NamedTensor& t) { return t.name == "encoder.layers.1.attn.dense.weight"; });
  CHECK(error(tensors) == "a.h5: tensor `encoder.layers.1.attn.dense.weight` [8,8] is missing");

  tensors = tensors_of(arch);
  tensors[0].value = Tensor::zeros({11, 4});
  CHECK(error(tensors) ==
        "a.h5: tensor `encoder.embedding.word_embedding.weight` must be [11,8] for this architecture, found "
        "[11,4]");

  tensors = tensors_of(arch);
  tensors.push_back({"extra", Tensor::zeros({2})});
  CHECK(error(tensors) == "a.h5: tensor `extra` [2] does not belong to this architecture (3x2)");
}

TEST_CASE("sizes that a file merely claims allocate nothing and overflow nothing") {
  nn::EncoderOptions arch = tiny();
  arch.layers = std::int64_t{1} << 60U;
  CHECK(testing::error_of([&] { check_model_tensors(arch, nullptr, tensors_of(tiny()), "a.h5"); }) ==
        "a.h5: tensor `encoder.layers.2.norm1.weight` [8] is missing");
  arch = tiny();
  arch.ffn.trees = std::int64_t{1} << 61U;
  CHECK(testing::error_of([&] {
          check_model_tensors(arch, nullptr, tensors_of(tiny()), "a.h5");
        }).find("more than can be stored") != std::string::npos);
  arch = tiny();
  arch.ffn.depth = 25;
  CHECK(testing::error_of([&] {
          check_model_tensors(arch, nullptr, tensors_of(tiny()), "a.h5");
        }).find("arch.ffn.depth must be from 0 to 24, got 25") != std::string::npos);
}

}  // namespace
}  // namespace espalier::io
