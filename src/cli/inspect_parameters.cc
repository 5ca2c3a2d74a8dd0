#include <cstdint>
#include <string>

#include "cli/inspect.h"

namespace espalier::cli {

namespace {

const char* part_of(const std::string& name) {
  const auto has = [&](const char* text) { return name.find(text) != std::string::npos; };
  if (has("norm_factor") || has("freqs_cis") || has("inv_freq") || has("position_ids")) return "buffers";
  if (has("norm")) return "norms";
  if (has("embedding.")) return "embedding";
  if (has(".attn.")) return "attention";
  if (has(".ffn.")) return "feedforward";
  return "head";
}

std::int64_t elements(const io::Json& shape) {
  std::int64_t product = 1;
  for (const io::Json& extent : shape) product *= extent.get<std::int64_t>();
  return product;
}

// Weights of the feedforward layers that one token meets with hard routing.
std::int64_t used_by_a_token(const nn::CrammedBertOptions& arch) {
  const nn::FeedForwardOptions& ffn = arch.ffn;
  const std::int64_t d = arch.hidden_size;
  const ops::TreeSize size = nn::tree_size(ffn);
  if (ffn.type == nn::FeedForwardType::kNeuronTree) return arch.layers * size.path_nodes() * (2 * d + 1);
  const std::int64_t leaf = ffn.leaf_width * (2 * d + 1) + d;
  return arch.layers * (size.path_inner() * (d + 1) + size.trees * leaf);
}

}  // namespace

io::Json parameter_counts(const io::Json& tensors, const nn::CrammedBertOptions* arch) {
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
