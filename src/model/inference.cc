#include "espalier/model/inference.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/error.h"
#include "model/encoded_text.h"
#include "model/sequence_batches.h"

namespace espalier::model {

namespace {

nn::ForwardContext context_of(const ops::TreeRouting& routing) {
  nn::ForwardContext context;
  context.routing = routing;
  return context;
}

std::vector<double> softmax(std::span<const float> logits) {
  const double top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  std::vector<double> result;
  double sum = 0;
  for (const float logit : logits) {
    result.push_back(std::exp(static_cast<double>(logit) - top));
    sum += result.back();
  }
  for (double& value : result) value /= sum;
  return result;
}

std::span<const float> row_of(const Tensor& matrix, std::size_t row) {
  const auto columns = static_cast<std::size_t>(matrix.shape().columns());
  return matrix.span().subspan(row * columns, columns);
}

Classification classification_of(const LoadedModel& model, std::span<const float> logits) {
  Classification result;
  if (logits.size() == 1) {
    result.label = model.labels.labels.empty() ? "LABEL_0" : model.labels.labels[0];
    result.score = static_cast<double>(logits[0]);
    return result;
  }
  result.probabilities = softmax(logits);
  const auto best = static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  result.label = model.labels.labels.at(best);
  result.score = result.probabilities[best];
  return result;
}

}  // namespace

ops::Precision fix_precision(LoadedModel& model, std::optional<ops::Precision> precision) {
  const ops::Precision own = model.in_bytes.empty() ? ops::Precision::kFloat32 : ops::Precision::kInt8;
  const ops::Precision chosen = precision.value_or(own);
  if (own == ops::Precision::kInt8 && chosen != own) {
    throw InputError(
        fmt::format("--precision {}: the weights of {} are int8; give the model that it was "
                    "exported from",
                    ops::precision_name(chosen), model.source.string()));
  }
  try {
    model.module().fix_weights(chosen);
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", model.source.string(), error.what()));
  }
  return chosen;
}

std::int64_t reading_length(const LoadedModel& model) {
  const std::int64_t most = model.arch.embedding.max_positions;
  const io::JsonView metadata(model.metadata, model.source.string() + ": metadata");
  if (!metadata.has("source") || !metadata["source"].has("tokenizer_config")) return most;
  const io::JsonView config = metadata["source"]["tokenizer_config"];
  // A tokenizer that knows no limit says 1e30.
  if (!config.has("model_max_length") ||
      !(config["model_max_length"].as_double() < static_cast<double>(most)))
    return most;
  return config["model_max_length"].as_int(1);
}

bool has_trees_in_bytes(const LoadedModel& model) {
  return std::any_of(model.in_bytes.begin(), model.in_bytes.end(),
                     [](const std::string& name) { return name.ends_with("linear_in.weight"); });
}

ops::TreeRouting inference_routing(const LoadedModel& model, bool soft, std::optional<double> temperature) {
  ops::TreeRouting routing;
  if (!soft) {
    if (temperature) throw InputError("--tau is the temperature of soft routing; give --routing soft too");
    return routing;
  }
  if (!nn::has_trees(model.arch.ffn)) {
    throw InputError(fmt::format("--routing soft: the feedforward layers of {} are {}, which route nothing",
                                 model.source.string(), nn::describe(model.arch.ffn)));
  }
  if (has_trees_in_bytes(model)) {
    throw InputError(
        fmt::format("--routing soft: the trees of {} are int8, which route hard; give the model that it was "
                    "exported from",
                    model.source.string()));
  }
  if (!temperature && !model.routing.trained_softly) {
    throw InputError(
        fmt::format("--routing soft: {} was not trained softly (routing.mode: {}), so no temperature is "
                    "known; give --tau",
                    model.source.string(), model.routing.mode));
  }
  routing.mode = ops::RoutingMode::kSoft;
  routing.temperature = static_cast<float>(temperature.value_or(model.routing.temperature));
  routing.epsilon = static_cast<float>(model.routing.epsilon.value_or(0.0));
  return routing;
}

std::string unfinished_warning(const LoadedModel& model, const ops::TreeRouting& routing) {
  if (model.routing.finished || routing.mode != ops::RoutingMode::kHard) return "";
  const std::string gap = model.routing.hardening_gap
                              ? fmt::format("; at its last evaluation hard routing lost {:.3f} nats",
                                            *model.routing.hardening_gap)
                              : std::string();
  return fmt::format(
      "{}: its trees had not finished hardening when it was saved{}; --routing soft uses them as they were "
      "trained (temperature {:g}{})",
      model.source.string(), gap, model.routing.temperature,
      model.routing.epsilon ? fmt::format(", epsilon {:g}", *model.routing.epsilon) : std::string());
}

std::vector<Classification> classify(LoadedModel& model, std::span<const TextPair> texts,
                                     const ops::TreeRouting& routing, std::int64_t max_length) {
  const NoGradGuard no_grad;
  if (max_length == 0) max_length = reading_length(model);
  nn::SequenceClassifier& classifier = model.require_classifier();
  std::vector<Classification> results(texts.size());
  std::vector<text::Encoding> sequences;
  std::vector<bool> truncated;
  for (const TextPair& text : texts) {
    EncodedText encoded =
        encode_cut(model, text.text, text.pair, classifier_encoding(model.arch), max_length);
    truncated.push_back(encoded.truncated);
    sequences.push_back(std::move(encoded.sequence));
  }
  for_each_batch(sequences, [&](const std::vector<std::size_t>& rows, const nn::Tokens& tokens) {
    nn::ForwardContext context = context_of(routing);
    const Variable logits = classifier.forward(tokens, context);
    require_finite(logits.value().span(), model);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      results[rows[i]] = classification_of(model, row_of(logits.value(), i));
      results[rows[i]].truncated = truncated[rows[i]];
    }
  });
  return results;
}

}  // namespace espalier::model
