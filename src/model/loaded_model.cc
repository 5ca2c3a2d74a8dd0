#include "espalier/model/loaded_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>
#include <string_view>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/base/version.h"
#include "espalier/config/arch_config.h"
#include "espalier/config/routing_config.h"
#include "espalier/io/hf_model.h"
#include "espalier/io/model_tensors.h"
#include "espalier/io/tensor_match.h"
#include "espalier/io/tokenizer_json.h"
#include "io/hf_config_values.h"
#include "kernels/isa.h"
#include "kernels/matmul_isa.h"
#include "model/checkpoint_metadata.h"

namespace espalier::model {

namespace fs = std::filesystem;

namespace {

// Position tables are made, not loaded: no file of ours has them longer.
constexpr std::int64_t kMostPositions = 1 << 20;

io::Json arch_json(const nn::EncoderOptions& arch) {
  io::Json json = io::Json::object();
  for (const config::Setting& setting : config::arch_settings(arch))
    json[setting.key] = setting_text(setting);
  return json;
}

io::JsonView metadata_of(const io::Checkpoint& checkpoint, const std::string& where) {
  return io::JsonView(checkpoint.metadata, where + ": metadata");
}

io::Checkpoint begin_checkpoint(nn::Module& model, const nn::EncoderOptions& arch,
                                const RoutingProvenance& routing, const std::string& tokenizer_json) {
  io::Checkpoint checkpoint;
  checkpoint.model = named_tensors(model);
  checkpoint.tokenizer_json = tokenizer_json;
  checkpoint.metadata = checkpoint_metadata(arch, routing);
  return checkpoint;
}

// Takes the memory of the tensors: nothing else of a file just read needs them.
void take_weights(const io::Checkpoint& checkpoint, LoadedModel& model) {
  std::map<std::string, Tensor> by_name;
  for (const io::NamedTensor& tensor : checkpoint.model) by_name[tensor.name] = tensor.value;
  for (const io::NamedBytes& one : checkpoint.bytes) {
    ESPALIER_CHECK(model.module().take_bytes(one.name, one.value));
    model.in_bytes.insert(one.name);
  }
  for (nn::NamedParameter& parameter : model.module().parameters()) {
    if (model.in_bytes.contains(parameter.name)) continue;
    parameter.value.set_value(by_name.at(parameter.name));
  }
}

void read_tokenizer(LoadedModel& model) {
  if (model.tokenizer_json.empty()) return;
  const std::string where = model.source.string() + ": tokenizer.json";
  // Into the document, for what is trained from this model keeps that alone.
  if (model.sentence && model.sentence->lower_case)
    model.tokenizer_json = io::with_lower_case(std::move(model.tokenizer_json), where);
  model.tokenizer = io::parse_tokenizer(model.tokenizer_json, where);
  if (model.tokenizer->vocabulary_size() > model.arch.embedding.vocab_size) {
    throw InputError(fmt::format("{}: the tokenizer has {} tokens, but the model's embedding only {} rows",
                                 model.source.string(), model.tokenizer->vocabulary_size(),
                                 model.arch.embedding.vocab_size));
  }
}

}  // namespace

void describe(RoutingProvenance& routing, io::JsonFields& fields) {
  fields.add("mode", routing.mode);
  fields.add("temperature", routing.temperature);
  fields.add("finished", routing.finished);
  fields.add("trained_softly", routing.trained_softly);
  fields.add_unless_empty("hardening_gap", routing.hardening_gap);
  fields.add_unless_empty("epsilon", routing.epsilon);
  fields.add_unless_empty("ste_epsilon", routing.ste_epsilon);
}

RoutingProvenance routing_from(const io::JsonView& view) {
  auto routing = io::from_json<RoutingProvenance>(view);
  const std::vector<std::string> modes = config::all_routing_names();
  if (std::find(modes.begin(), modes.end(), routing.mode) == modes.end())
    view["mode"].fail(fmt::format("expected one of {}, found {:?}", fmt::join(modes, ", "), routing.mode));
  if (!(routing.temperature > 0 && std::isfinite(routing.temperature))) {
    view["temperature"].fail(fmt::format("expected a number above 0, found {}", routing.temperature));
  }
  for (const auto& [key, value] :
       {std::pair{"epsilon", routing.epsilon}, std::pair{"ste_epsilon", routing.ste_epsilon}}) {
    if (value && !(*value >= 0))
      view[key].fail(fmt::format("expected a number at least 0, found {}", *value));
  }
  return routing;
}

io::Json checkpoint_metadata(const nn::EncoderOptions& arch, const RoutingProvenance& routing) {
  io::Json metadata = io::Json::object();
  metadata["arch"] = arch_json(arch);
  metadata["routing"] = io::to_json(routing);
  metadata["program"] = {{"version", kVersion},
                         {"isa", kernels::active_isa()},
                         {"bf16", kernels::bfloat16_instructions()},
                         {"onednn", kernels::product_library_version()}};
  return metadata;
}

std::string program_changes(const io::Checkpoint& checkpoint, const std::string& where, bool with_bfloat16) {
  const io::JsonView program = metadata_of(checkpoint, where)["program"];
  std::string changes;
  const auto compare = [&](const char* key, const char* title, const std::string& now) {
    const std::string before = program[key].as_string();
    // Checkpoints said only whether there were any.
    if (before == now || (before == "yes" && now != "none") || (before == "no" && now == "none")) return;
    changes += fmt::format("{}{} {} until now, {} here", changes.empty() ? "" : ", ", title, before, now);
  };
  compare("isa", "instruction set", kernels::active_isa());
  if (with_bfloat16) compare("bf16", "instructions for bfloat16:", kernels::bfloat16_instructions());
  compare("onednn", "oneDNN", kernels::product_library_version());
  return changes;
}

io::Json classifier_json(const nn::ClassifierOptions& head, const LabelInfo& labels) {
  return {{"pooler", head.pooler == nn::Pooler::kFirst ? "first" : "average"},
          {"activation", head.activation == nn::HeadActivation::kTanh ? "tanh" : "relu"},
          {"head_dim", head.head_dim},
          {"dropout", head.dropout},
          {"outputs", head.labels},
          {"labels", labels.labels},
          {"regression", labels.regression}};
}

std::optional<nn::ClassifierOptions> classifier_of(const io::Checkpoint& checkpoint, const std::string& where,
                                                   LabelInfo& labels) {
  const io::JsonView metadata = metadata_of(checkpoint, where);
  if (!metadata.has("classifier")) return std::nullopt;
  const io::JsonView view = metadata["classifier"];
  nn::ClassifierOptions head;
  if (io::is_second(view["pooler"], "first", "average")) head.pooler = nn::Pooler::kAverage;
  if (io::is_second(view["activation"], "tanh", "relu")) head.activation = nn::HeadActivation::kRelu;
  head.head_dim = view["head_dim"].as_int(1);
  head.dropout = view["dropout"].as_double();
  head.labels = view["outputs"].as_int(1);
  labels.regression = view["regression"].as_bool();
  const io::JsonView names = view["labels"];
  for (std::size_t i = 0; i < names.size(); ++i) labels.labels.push_back(names.at(i).as_string());
  if (!labels.regression && static_cast<std::int64_t>(names.size()) != head.labels) {
    names.fail(fmt::format("expected {} names, found {}", head.labels, names.size()));
  }
  return head;
}

nn::EncoderOptions arch_of(const io::Checkpoint& checkpoint, const std::string& where) {
  const io::JsonView view = metadata_of(checkpoint, where)["arch"];
  std::vector<config::Setting> settings;
  for (const std::string& key : view.keys()) {
    settings.push_back(config::setting_from_text(key, view[key].as_string(), view.where()));
  }
  nn::EncoderOptions arch = config::arch_from_settings(settings);
  try {
    nn::validate(arch);
  } catch (const InputError& error) {
    throw InputError(where + ": " + error.what());
  }
  if (arch.embedding.max_positions > kMostPositions) {
    view.fail(fmt::format("arch.embedding.max_positions: {} is more than {}", arch.embedding.max_positions,
                          kMostPositions));
  }
  return arch;
}

RoutingProvenance routing_of(const io::Checkpoint& checkpoint, const std::string& where) {
  return routing_from(metadata_of(checkpoint, where)["routing"]);
}

io::Checkpoint model_checkpoint(nn::MaskedLm& model, const RoutingProvenance& routing,
                                const std::string& tokenizer_json) {
  io::Checkpoint checkpoint = begin_checkpoint(model, model.options(), routing, tokenizer_json);
  checkpoint.kind = "pretrain";
  return checkpoint;
}

io::Checkpoint model_checkpoint(nn::SequenceClassifier& model, const LabelInfo& labels,
                                const RoutingProvenance& routing, const std::string& tokenizer_json) {
  io::Checkpoint checkpoint = begin_checkpoint(model, model.encoder().options(), routing, tokenizer_json);
  checkpoint.kind = "finetune";
  checkpoint.metadata["classifier"] = classifier_json(model.head_options(), labels);
  return checkpoint;
}

LoadedModel model_from_checkpoint(const io::Checkpoint& checkpoint, const fs::path& source) {
  const std::string where = source.string();
  LoadedModel model;
  model.source = source;
  model.arch = arch_of(checkpoint, where);
  model.routing = routing_of(checkpoint, where);
  const std::optional<nn::ClassifierOptions> head = classifier_of(checkpoint, where, model.labels);
  // Nothing of the size that the metadata claims is allocated before the tensors are known to be there.
  io::check_model_tensors(model.arch, head ? &*head : nullptr, checkpoint.model, where, checkpoint.bytes);
  const nn::WithoutValuesGuard none;
  if (head) {
    model.classifier = std::make_unique<nn::SequenceClassifier>(model.arch, *head);
  } else {
    model.lm = std::make_unique<nn::MaskedLm>(model.arch);
  }
  take_weights(checkpoint, model);
  model.metadata = checkpoint.metadata;
  model.config_yaml = checkpoint.config_yaml;
  model.tokenizer_json = checkpoint.tokenizer_json;
  model.clean_up_spaces = cleans_up_spaces(checkpoint);
  model.sentence = sentence_options_of(checkpoint, where);
  read_tokenizer(model);
  return model;
}

LoadedModel load_model(const fs::path& model, io::HfInt8 int8) {
  return model_from_checkpoint(load_model_checkpoint(model, int8), model);
}

std::vector<io::NamedTensor> named_tensors(nn::Module& module) {
  std::vector<io::NamedTensor> tensors;
  for (const nn::NamedParameter& parameter : module.parameters()) {
    tensors.push_back({parameter.name, parameter.value.value()});
  }
  return tensors;
}

void load_weights(nn::Module& module, std::span<const io::NamedTensor> tensors, const std::string& where) {
  io::TensorMatch match(tensors, where);
  for (nn::NamedParameter& parameter : module.parameters()) {
    Tensor& value = parameter.value.mutable_value();
    value.copy_from(match.take(parameter.name, value.shape()));
  }
  match.require_all_taken();
}

void copy_encoder(LoadedModel& from, nn::Encoder& to) {
  load_weights(to, named_tensors(from.encoder()), from.source.string());
}

// Copies what `from` has of these prefixes into a head that computes the same of it; false, and nothing is
// copied, where it would not.
static bool copy_parts(LoadedModel& from, nn::SequenceClassifier& to,
                       std::initializer_list<std::string_view> prefixes) {
  const nn::ClassifierOptions trained = from.classifier
                                            ? from.classifier->head_options()
                                            : nn::ClassifierOptions();  // BERT's pooler: first, tanh
  const nn::ClassifierOptions& wanted = to.head_options();
  if (wanted.pooler != trained.pooler || wanted.activation != trained.activation) return false;
  const auto is_asked_for = [&](const std::string& name) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](std::string_view prefix) { return name.starts_with(prefix); });
  };
  std::map<std::string, Tensor> there;
  for (const nn::NamedParameter& parameter : from.module().parameters()) {
    if (is_asked_for(parameter.name)) there[parameter.name] = parameter.value.value();
  }
  std::vector<std::pair<Variable, Tensor>> copies;
  for (nn::NamedParameter& parameter : to.parameters()) {
    if (!is_asked_for(parameter.name)) continue;
    const auto found = there.find(parameter.name);
    if (found == there.end() || found->second.shape() != parameter.value.shape()) return false;
    copies.emplace_back(parameter.value, found->second);
  }
  for (auto& [to_value, value] : copies) to_value.mutable_value().copy_from(value);
  return true;
}

bool copy_pooler(LoadedModel& from, nn::SequenceClassifier& to) {
  // A crammed BERT's own is a part of its classification head: the original makes a new one for each task.
  return from.arch.family == nn::Family::kBert && copy_parts(from, to, {"pooler."});
}

bool same_answers(const LabelInfo& a, const LabelInfo& b) {
  return a.regression == b.regression && (a.regression || a.labels == b.labels);
}

bool copy_head(LoadedModel& from, const LabelInfo& answers, nn::SequenceClassifier& to) {
  return from.classifier && same_answers(from.labels, answers) && copy_parts(from, to, {"pooler.", "head."});
}

const text::Tokenizer& LoadedModel::require_tokenizer() const {
  if (tokenizer) return *tokenizer;
  throw InputError(
      fmt::format("{}: the model came without a tokenizer.json, so it cannot read text", source.string()));
}

nn::MaskedLm& LoadedModel::require_lm() {
  if (lm && arch.masked_lm_head) return *lm;
  if (lm) {
    throw InputError(
        fmt::format("{}: only encodes: it came without a masked-LM head; `pretrain init={}` gives it one",
                    source.string(), source.string()));
  }
  throw InputError(
      fmt::format("{}: is a classifier, which has no masked-LM head; give a model that `pretrain` made",
                  source.string()));
}

nn::SequenceClassifier& LoadedModel::require_classifier() {
  if (classifier) return *classifier;
  throw InputError(fmt::format("{}: {}, which has no classification head; `finetune` makes one from it",
                               source.string(), arch.masked_lm_head ? "is a masked LM" : "only encodes"));
}

}  // namespace espalier::model
