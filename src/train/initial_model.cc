#include "train/initial_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/config/arch_config.h"
#include "espalier/model/loaded_model.h"
#include "model/weight_meaning.h"

namespace espalier::train {
namespace {

namespace fs = std::filesystem;

fs::path config_of_run(const config::PretrainConfig& config) {
  return fs::path(config.run) / "config.yaml";
}

// Null where nobody wrote the key.
const config::Setting* given_setting(const config::PretrainConfig& config, const std::string& key) {
  const auto found = std::find_if(config.given.begin(), config.given.end(),
                                  [&](const config::Setting& setting) { return setting.key == key; });
  return found == config.given.end() ? nullptr : &*found;
}

// Whether the value of a key of the configuration stands for whatever the run has: it is the default, and not
// meant for this run by being on the command line; or it says so.
bool left_open(const config::PretrainConfig& config, const config::Setting& own,
               const config::Setting& fallback) {
  if (own.key == "arch.embedding.vocab_size" && config.arch.embedding.vocab_size == 0) return true;
  if (own.key == "arch.ffn.layers" && !config.distill.layers.empty() &&
      config.arch.ffn.layers == config.distill.layers) {
    return true;
  }
  const config::Setting* given = given_setting(config, own.key);
  return own.values == fallback.values && (given == nullptr || given->where != config::kCommandLine);
}

// Weights of equal shapes mean something else with other heads or another norm_eps.
void require_meaning_of(const nn::EncoderOptions& init, const config::PretrainConfig& config) {
  const auto there = model::meaning_of_weights(init);
  std::string differences, keys;
  for (const auto& [key, here] : model::meaning_of_weights(config.arch)) {
    const auto found = there.find(key);
    if (found == there.end() || found->second == here) continue;
    const bool first = keys.empty();
    differences += fmt::format("{}{} {}, the config {}", first ? "" : "; ", key, found->second, here);
    keys += fmt::format("{}{}={}", first ? "" : " ", key, found->second);
  }
  if (keys.empty()) return;
  const bool other_layers = init.ffn.type != config.arch.ffn.type;
  throw InputError(fmt::format("init: {} has {}: its weights would compute something else; give {}{}",
                               config.init, differences, keys,
                               other_layers ? "; distill.layers trains new feedforward layers in place of "
                                              "dense ones (configs/pretrain/distill.yaml)"
                                            : ""));
}

// The class that reads a Hugging Face folder's encoder without the head: BertModel of a
// BertForSequenceClassification. Empty: there is none, as in the original's layout, or it is no such folder.
std::string class_of_encoder(const io::Checkpoint& init) {
  const io::JsonView metadata(init.metadata, "metadata");
  if (!metadata.has("source") || !metadata["source"].has("config")) return "";
  const io::JsonView config = metadata["source"]["config"];
  if (!config.has("architectures")) return "";
  const std::string name = config["architectures"].at(0).as_string();
  const std::size_t stem = name.find("ForSequenceClassification");
  return stem == name.npos || name.starts_with("ScriptableLM") ? "" : name.substr(0, stem) + "Model";
}

void require_no_classifier(const io::Checkpoint& init, const config::PretrainConfig& config) {
  if (!init.metadata.contains("classifier")) return;
  const std::string encoder = class_of_encoder(init);
  throw InputError(fmt::format(
      "init: {} is a classifier, whose head pretraining would lose: give the model that it was fine-tuned "
      "from{}",
      config.init,
      encoder.empty()
          ? std::string()
          : fmt::format(", or the encoder alone (\"architectures\": [\"{}\"] in its config.json)", encoder)));
}

bool is_of_head(const std::string& name) {
  return name.starts_with("transform.") || name.starts_with("decoder.");
}

// What pretraining needs beyond what the model has.
nn::EncoderOptions with_head(nn::EncoderOptions arch) {
  if (arch.masked_lm_head) return arch;
  const nn::EncoderOptions family = nn::options_of(arch.family);
  arch.masked_lm_head = true;
  arch.head_transform = family.head_transform;
  arch.decoder_bias = family.decoder_bias;
  return arch;
}

// What of it is new, the student has from the configuration, all else from the teacher.
nn::EncoderOptions student_architecture(const config::PretrainConfig& config,
                                        const nn::EncoderOptions& teacher) {
  const nn::FeedForwardOptions& theirs = teacher.ffn;
  if (theirs.type != nn::FeedForwardType::kDense || theirs.width == 0 || theirs.linear_rank > 0 ||
      !theirs.layers.empty()) {
    throw InputError(
        fmt::format("distill.layers: the feedforward layers of {} are {}; only dense ones, all alike, "
                    "can be reproduced",
                    config.init, nn::describe(theirs)));
  }
  std::int64_t before = -1;
  for (const std::int64_t layer : config.distill.layers) {
    if (layer <= before || layer >= teacher.layers) {
      throw InputError(
          fmt::format("distill.layers must name layers of {} from 0 to {} in ascending order, got [{}]",
                      config.init, teacher.layers - 1, fmt::join(config.distill.layers, ", ")));
    }
    before = layer;
  }
  const nn::FeedForwardOptions& own = config.arch.ffn;
  if (!own.layers.empty() && own.layers != config.distill.layers) {
    throw InputError("arch.ffn.layers: distill.layers says which layers are new; leave the key out");
  }
  if (own.type == nn::FeedForwardType::kDense && own.width >= theirs.width) {
    throw InputError(
        fmt::format("distill.layers: arch.ffn.width must be below the {} units of the layers of {}, got "
                    "{}; or set another arch.ffn.type",
                    theirs.width, config.init, own.width));
  }
  if (own.linear_rank > teacher.hidden_size) {
    throw InputError(fmt::format(
        "distill.layers: arch.ffn.linear_rank must be at most the hidden size of {}, {}, got {}: more "
        "would begin at 0 and never learn",
        config.init, teacher.hidden_size, own.linear_rank));
  }
  nn::EncoderOptions student = teacher;
  student.ffn = own;
  student.ffn.activation = theirs.activation;
  student.ffn.layers = config.distill.layers;
  student.ffn.other_width = theirs.width;
  if (!nn::has_feed_forward(own)) {
    throw InputError(
        "distill.layers: arch.ffn.width: 0 without arch.ffn.linear_rank leaves nothing to train");
  }
  if (static_cast<std::int64_t>(config.distill.layers.size()) == teacher.layers) {
    student.ffn.layers.clear();
    student.ffn.other_width = 0;
  }
  return student;
}

// Keys of arch that were given, and are not what the run has: the student is made of another model's parts.
void require_teachers_keys(const config::PretrainConfig& config, const std::vector<config::Setting>& own,
                           const std::vector<config::Setting>& defaults,
                           const std::vector<config::Setting>& student) {
  std::string differences;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (own[i].values == student[i].values || left_open(config, own[i], defaults[i])) continue;
    differences += fmt::format("{}{} {}, the config {}", differences.empty() ? "" : "; ", own[i].key,
                               config::setting_text(student[i]), config::setting_text(own[i]));
  }
  if (differences.empty()) return;
  throw InputError(
      fmt::format("distill.layers: {} has {}: a student differs in arch.ffn alone; leave the keys out",
                  config.init, differences));
}

}  // namespace

std::optional<io::Checkpoint> load_initial_model(const config::PretrainConfig& config) {
  if (config.init.empty()) return std::nullopt;
  if (!fs::exists(config.init) && fs::exists(config_of_run(config))) return std::nullopt;
  return model::load_model_checkpoint(config.init);
}

nn::EncoderOptions architecture_from(const config::PretrainConfig& config,
                                     const std::optional<io::Checkpoint>& init) {
  if (config.init.empty()) return config.arch;
  std::vector<config::Setting> own = config::arch_settings(config.arch);
  const std::vector<config::Setting> defaults = config::arch_settings(nn::options_of(config.arch.family));
  nn::EncoderOptions there;
  if (init) {
    require_no_classifier(*init, config);
    there = model::arch_of(*init, config.init);
  } else {
    there = config::load<config::PretrainConfig>(config_of_run(config), {}).arch;
  }
  if (init && !config.distill.layers.empty()) {
    const nn::EncoderOptions student = student_architecture(config, there);
    require_teachers_keys(config, own, defaults, config::arch_settings(student));
    return student;
  }
  const std::vector<config::Setting> theirs = config::arch_settings(with_head(there));
  std::string taken;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (own[i].values == theirs[i].values || !left_open(config, own[i], defaults[i])) continue;
    const config::Setting* given = given_setting(config, own[i].key);
    if (given != nullptr && own[i].values == defaults[i].values) {
      log_warning(fmt::format("{}: {} {} is not followed: {} has {}", given->where, own[i].key,
                              config::setting_text(own[i]), config.init, config::setting_text(theirs[i])));
    }
    own[i] = theirs[i];
    taken += fmt::format("{}{}={}", taken.empty() ? "" : " ", own[i].key, config::setting_text(own[i]));
  }
  if (init && !taken.empty()) log_info(fmt::format("{}: from init: {}", config.run, taken));
  return config::arch_from_settings(own);
}

void take_initial_weights(const io::Checkpoint& init, const config::PretrainConfig& config,
                          nn::MaskedLm& model) {
  const nn::EncoderOptions there = model::arch_of(init, config.init);
  require_meaning_of(there, config);
  std::vector<io::NamedTensor> weights = init.model;
  if (!there.masked_lm_head) {
    for (const nn::NamedParameter& parameter : model.parameters()) {
      if (is_of_head(parameter.name)) weights.push_back({parameter.name, parameter.value.value()});
    }
    log_warning(
        fmt::format("init: {} only encodes: the masked-LM head begins with random weights", config.init));
  }
  model::load_weights(model, weights, config.init);
}

}  // namespace espalier::train
