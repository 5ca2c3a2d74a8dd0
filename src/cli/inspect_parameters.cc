#include <cctype>
#include <cstdint>
#include <map>
#include <string>

#include "cli/inspect.h"
#include "espalier/nn/classifier.h"
#include "espalier/nn/feed_forward.h"
#include "espalier/nn/masked_lm.h"
#include "io/hf_names.h"
#include "io/hf_tensors.h"

namespace espalier::cli {

namespace {

// An architecture in which everything is on that may be on beside these.
nn::EncoderOptions with_everything(nn::FeedForwardType type, nn::Positions positions) {
  nn::EncoderOptions arch;
  arch.layers = 1;
  arch.use_bias = arch.decoder_bias = arch.attention.qkv_bias = arch.attention.rotary = true;
  arch.embedding.positions = positions;
  arch.ffn.type = type;
  arch.ffn.linear_rank = 1;
  return arch;
}

const char* name_of(nn::ModelPart part) {
  switch (part) {
    case nn::ModelPart::kEmbedding:
      return "embedding";
    case nn::ModelPart::kAttention:
      return "attention";
    case nn::ModelPart::kFeedForward:
      return "feedforward";
    case nn::ModelPart::kNorms:
      return "norms";
    case nn::ModelPart::kHead:
      return "head";
  }
  return "head";
}

// Under the names of transformers.
void add_stock_parts(io::HfLayout layout, std::map<std::string, const char*>& parts) {
  nn::EncoderOptions arch = nn::bert_options();
  arch.layers = 1;
  if (layout == io::HfLayout::kDistilBert) arch.embedding.token_types = 0;
  const auto add = [&](const nn::ParameterInfo& parameter) {
    for (const std::string& name : io::hf_stored(layout, parameter.name).names) {
      parts[name] = parts[io::without_base(layout, name)] = name_of(parameter.part);
    }
  };
  const nn::ParameterList list(add);
  nn::MaskedLm::describe(list, arch);
  nn::SequenceClassifier::describe(list, arch, {});
}

// A file of weights alone does not tell its architecture: the parts of all tensors that any model can have,
// under our names and those of every layout, of the first layer.
std::map<std::string, const char*> all_parts() {
  std::map<std::string, const char*> parts;
  const auto add = [&](const nn::ParameterInfo& parameter) {
    parts[parameter.name] = name_of(parameter.part);
    parts[io::hf_stored(io::HfLayout::kOriginal, parameter.name).names[0]] = name_of(parameter.part);
  };
  const nn::ParameterList list(add);
  add_stock_parts(io::HfLayout::kBert, parts);
  add_stock_parts(io::HfLayout::kDistilBert, parts);
  for (const auto type : {nn::FeedForwardType::kNeuronTree, nn::FeedForwardType::kLeafTree,
                          nn::FeedForwardType::kDense, nn::FeedForwardType::kGated}) {
    for (const auto positions : {nn::Positions::kScaledSinusoidal, nn::Positions::kLearned}) {
      const nn::EncoderOptions arch = with_everything(type, positions);
      nn::MaskedLm::describe(list, arch);
      nn::SequenceClassifier::describe(list, arch, {});
      for (const io::HfBuffer& buffer : io::hf_buffers(arch, true)) parts.emplace(buffer.name, "buffers");
    }
  }
  return parts;
}

// "encoder.layers.12.norm1.weight" -> "encoder.layers.0.norm1.weight"
std::string in_first_layer(std::string name) {
  const std::size_t before = name.find(".layer");
  const std::size_t begin = before == std::string::npos ? before : name.find('.', before + 1);
  if (begin == std::string::npos) return name;
  std::size_t end = begin + 1;
  while (end < name.size() && std::isdigit(static_cast<unsigned char>(name[end])) != 0) ++end;
  return name.replace(begin + 1, end - begin - 1, "0");
}

// What no model of ours has counts as a head: the original's decoder, or that of another task.
const char* part_of(const std::string& name) {
  static const std::map<std::string, const char*> parts = all_parts();
  const auto found = parts.find(in_first_layer(name));
  return found == parts.end() ? "head" : found->second;
}

std::int64_t elements(const io::Json& shape) {
  std::int64_t product = 1;
  for (const io::Json& extent : shape) product *= extent.get<std::int64_t>();
  return product;
}

// Weights of all parameters that a feedforward layer has.
std::int64_t size_of_layer(const nn::EncoderOptions& layer) {
  std::int64_t size = 0;
  const auto add = [&](const nn::ParameterInfo& parameter) { size += parameter.shape.elements(); };
  nn::describe_feed_forward(nn::ParameterList(add), layer);
  return size;
}

// Those of one feedforward layer that a token meets with hard routing.
std::int64_t used_of_layer(const nn::EncoderOptions& layer) {
  if (!nn::has_trees(layer.ffn)) return size_of_layer(layer);
  nn::EncoderOptions path = layer;
  path.ffn.type = nn::FeedForwardType::kDense;
  path.ffn.width = 0;
  const std::int64_t d = layer.hidden_size;
  const ops::TreeSize size = nn::tree_size(layer.ffn);
  if (layer.ffn.type == nn::FeedForwardType::kNeuronTree)
    return size.path_nodes() * (2 * d + 1) + size_of_layer(path);
  const std::int64_t leaf = layer.ffn.leaf_width * (2 * d + 1) + d;
  return size.path_inner() * (d + 1) + size.trees * leaf + size_of_layer(path);
}

std::int64_t used_by_a_token(const nn::EncoderOptions& arch) {
  std::int64_t used = 0;
  for (std::int64_t i = 0; i < arch.layers; ++i) used += used_of_layer(nn::layer_options(arch, i));
  return used;
}

}  // namespace

io::Json parameter_counts(const io::Json& tensors, const nn::EncoderOptions* arch) {
  io::Json counts = {{"total", 0},       {"embedding", 0}, {"attention", 0},
                     {"feedforward", 0}, {"norms", 0},     {"head", 0}};
  for (const io::Json& tensor : tensors) {
    const char* part = part_of(tensor.at("name").get_ref<const std::string&>());
    const std::int64_t size = elements(tensor.at("shape"));
    if (!counts.contains(part)) continue;
    counts[part] = counts[part].get<std::int64_t>() + size;
    counts["total"] = counts["total"].get<std::int64_t>() + size;
  }
  if (arch != nullptr && nn::has_trees(arch->ffn)) {
    counts["feedforward_used_by_a_token"] = used_by_a_token(*arch);
  }
  return counts;
}

}  // namespace espalier::cli
