#include "model/weight_meaning.h"

#include <set>

#include "espalier/config/arch_config.h"

namespace espalier::model {

std::map<std::string, std::string> meaning_of_weights(const nn::EncoderOptions& arch) {
  // Keys that name a tensor or alone shape it need not stand here: load_weights() compares those. The nodes
  // of 7x0 and 1x2 have one shape.
  std::set<std::string> keys = {"arch.norm_eps",         "arch.norm_placement",  "arch.embedding.positions",
                                "arch.embedding.pad_id", "arch.attention.heads", "arch.attention.rotary",
                                "arch.ffn.type"};
  if (arch.ffn.type == nn::FeedForwardType::kLeafTree) keys.insert("arch.ffn.leaf_activation");
  if (arch.ffn.type == nn::FeedForwardType::kNeuronTree) keys.insert({"arch.ffn.trees", "arch.ffn.depth"});
  // Of the head's transform too, whatever the layers are, and of those that are not as arch.ffn.type says.
  if (arch.ffn.type == nn::FeedForwardType::kDense || arch.head_transform || arch.ffn.other_width > 0)
    keys.insert("arch.ffn.activation");
  std::map<std::string, std::string> meaning;
  for (const config::Setting& setting : config::arch_settings(arch)) {
    if (keys.contains(setting.key)) meaning[setting.key] = setting.values.at(0);
  }
  return meaning;
}

}  // namespace espalier::model
