#include "model/model_card.h"

#include <fmt/format.h>

#include <string_view>

#include "base/joined.h"
#include "espalier/metrics/metrics.h"
#include "model/card_usage.h"
#include "model/checkpoint_metadata.h"
#include "model/metrics_history.h"

namespace espalier::model {

namespace {

std::string front_matter(const io::HfModel& model, io::HfLayout layout) {
  const char* task = model.classifier                 ? "text-classification"
                     : model.arch.masked_lm_head      ? "fill-mask"
                     : model.sentence_files.is_null() ? "feature-extraction"
                                                      : "sentence-similarity";
  std::string tags = layout == io::HfLayout::kOriginal     ? "- crammedBERT\n- fast-feedforward\n"
                     : layout == io::HfLayout::kBert       ? "- bert\n"
                     : layout == io::HfLayout::kDistilBert ? "- distilbert\n"
                                                           : "- espalier\n";
  if (layout == io::HfLayout::kEspalier && nn::has_trees(model.arch.ffn)) tags += "- fast-feedforward\n";
  if (!model.sentence_files.is_null()) tags += "- sentence-transformers\n";
  return fmt::format("---\npipeline_tag: {}\ntags:\n{}---\n\n", task, tags);
}

const char* name_of(io::HfLayout layout) {
  return layout == io::HfLayout::kOriginal     ? "crammed BERT"
         : layout == io::HfLayout::kBert       ? "BERT"
         : layout == io::HfLayout::kDistilBert ? "DistilBERT"
                                               : "BERT encoder";
}

std::string architecture_section(const io::HfModel& model) {
  const nn::EncoderOptions& arch = model.arch;
  std::int64_t parameters = 0;
  for (const io::NamedTensor& tensor : model.tensors) parameters += tensor.value.size();
  std::string text = "## Architecture\n\n| | |\n|---|---|\n";
  const auto row = [&](const std::string& name, const std::string& value) {
    text += fmt::format("| {} | {} |\n", name, value);
  };
  row("parameters", fmt::format("{:.2f} M", static_cast<double>(parameters) / 1e6));
  row("layers", fmt::to_string(arch.layers));
  row("hidden size", fmt::to_string(arch.hidden_size));
  row("attention heads", fmt::format("{}{}", arch.attention.heads, arch.attention.rotary ? ", rotary" : ""));
  row("feedforward", nn::describe(arch.ffn));
  if (arch.ffn.type == nn::FeedForwardType::kNeuronTree) {
    const nn::Neurons neurons = nn::neurons_of(arch.ffn);
    row("neurons used for a token", fmt::format("{} of {}", neurons.used, neurons.all));
  }
  row("vocabulary", fmt::to_string(arch.embedding.vocab_size));
  row("longest sequence", fmt::to_string(arch.embedding.max_positions));
  if (model.classifier)
    row("labels", model.classifier->labels == 1 ? "a value (regression)" : joined(model.labels));
  return text + "\n";
}

std::string training_section(const io::Checkpoint& checkpoint) {
  std::string text = "## Training\n\n";
  const io::JsonView metadata(checkpoint.metadata, "metadata");
  if (metadata.has("source"))
    return text + "Imported from a Hugging Face folder; nothing is known of its training.\n\n";
  const RoutingProvenance routing = routing_of(checkpoint, "checkpoint");
  const bool trees = nn::has_trees(arch_of(checkpoint, "checkpoint").ffn);
  text += fmt::format("Trained with espalier{}.\n",
                      trees ? fmt::format("; `routing.mode: {}`", routing.mode) : std::string());
  const io::JsonView state(checkpoint.state, "state");
  if (state.has("step")) text += fmt::format("\n- steps: {}\n", state["step"].as_int());
  if (state.has("tokens")) text += fmt::format("- tokens: {}\n", state["tokens"].as_int());
  if (state.has("data_fingerprint")) {
    text += fmt::format("- token store: fingerprint {}\n", state["data_fingerprint"].as_string());
  }
  return text + "\n";
}

std::string metrics_section(const io::Checkpoint& checkpoint) {
  const io::Json evaluation = last_evaluation(checkpoint.metrics_jsonl);
  if (evaluation.is_null()) return "";
  std::string text = "## Last evaluation\n\n| metric | value |\n|---|---|\n";
  for (const auto& [key, value] : evaluation.items()) {
    if (value.is_number() && key.starts_with(metrics::kEvaluationPrefix)) {
      text += fmt::format("| {} | {} |\n", key.substr(std::string_view(metrics::kEvaluationPrefix).size()),
                          io::json_text(value, -1));
    }
  }
  return text + "\n";
}

}  // namespace

std::string model_card(const io::HfModel& model, io::HfLayout layout, std::optional<io::DType> dtype,
                       const io::Checkpoint& checkpoint) {
  std::string text = front_matter(model, layout);
  text += fmt::format("# A {} with {} feedforward layers\n\n", name_of(layout), nn::describe(model.arch.ffn));
  text += architecture_section(model) + training_section(checkpoint) + metrics_section(checkpoint);
  text += card_usage(model, layout, dtype == io::DType::kI8);
  if (!checkpoint.config_yaml.empty()) {
    text += "## Configuration\n\n```yaml\n" + checkpoint.config_yaml + "```\n";
  }
  return text;
}

}  // namespace espalier::model
