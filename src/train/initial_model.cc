#include "train/initial_model.h"

#include <fmt/format.h>

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

// Rows of an embedding belong to the words of a tokenizer.
void require_vocabulary_of(const nn::EncoderOptions& init, const config::PretrainConfig& config) {
  const std::int64_t there = init.embedding.vocab_size;
  const std::int64_t here = config.arch.embedding.vocab_size;
  if (there == here) return;
  throw InputError(fmt::format(
      "init: the vocabulary of {} has {} words, that of {} {}: weights go with their tokenizer; "
      "prepare the text with it (`espalier prepare ... tokenizer.path={}`) and give that as `data`",
      config.init, there, config.data, here, config.init));
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
  throw InputError(fmt::format("init: {} has {}: its weights would compute something else; give {}",
                               config.init, differences, keys));
}

void require_no_classifier(const io::Checkpoint& init, const config::PretrainConfig& config) {
  if (!init.metadata.contains("classifier")) return;
  throw InputError(
      fmt::format("init: {} is a classifier, whose head pretraining would lose: give the model that it was "
                  "fine-tuned from, or, of a Hugging Face folder, the encoder alone (\"architectures\": "
                  "[\"BertModel\"] in its config.json)",
                  config.init));
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

}  // namespace

std::optional<io::Checkpoint> load_initial_model(const config::PretrainConfig& config) {
  if (config.init.empty()) return std::nullopt;
  if (!fs::exists(config.init) && fs::exists(config_of_run(config))) return std::nullopt;
  return model::load_model_checkpoint(config.init);
}

nn::EncoderOptions architecture_from(const config::PretrainConfig& config,
                                     const std::optional<io::Checkpoint>& init) {
  if (config.init.empty()) return config.arch;
  if (!init) return config::load<config::PretrainConfig>(config_of_run(config), {}).arch;
  std::vector<config::Setting> own = config::arch_settings(config.arch);
  const std::vector<config::Setting> defaults = config::arch_settings(nn::options_of(config.arch.family));
  const std::vector<config::Setting> theirs =
      config::arch_settings(with_head(model::arch_of(*init, config.init)));
  std::string taken;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (own[i].values != defaults[i].values || own[i].values == theirs[i].values) continue;
    own[i] = theirs[i];
    taken += fmt::format("{}{}={}", taken.empty() ? "" : " ", own[i].key, config::setting_text(own[i]));
  }
  if (!taken.empty()) log_info(fmt::format("{}: from init: {}", config.run, taken));
  return config::arch_from_settings(own);
}

void take_initial_weights(const io::Checkpoint& init, const config::PretrainConfig& config,
                          nn::MaskedLm& model) {
  require_no_classifier(init, config);
  const nn::EncoderOptions there = model::arch_of(init, config.init);
  require_vocabulary_of(there, config);
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
