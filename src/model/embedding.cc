// One vector a text, as sentence-transformers makes it of an encoder's final states.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "espalier/base/error.h"
#include "espalier/model/inference.h"
#include "model/encoded_text.h"
#include "model/sequence_batches.h"

namespace espalier::model {

namespace {

// The greatest of each component over the tokens of each sequence: [N,d] -> [B,d].
Tensor greatest(const Tensor& hidden, const nn::Tokens& tokens) {
  const std::int64_t d = hidden.shape()[1];
  Tensor result = Tensor::empty({tokens.sequences(), d});
  const auto first = tokens.first_rows.span();
  for (std::int64_t b = 0; b < tokens.sequences(); ++b) {
    float* out = result.data() + b * d;
    const auto at = static_cast<std::size_t>(b);
    std::copy_n(hidden.data() + first[at] * d, d, out);
    for (std::int64_t row = first[at] + 1; row < first[at + 1]; ++row) {
      const float* in = hidden.data() + row * d;
      for (std::int64_t i = 0; i < d; ++i) out[i] = std::max(out[i], in[i]);
    }
  }
  return result;
}

Tensor pooled(const Variable& hidden, const nn::Tokens& tokens, io::SentencePooling pooling) {
  switch (pooling) {
    case io::SentencePooling::kFirst:
      return nn::pool(hidden, tokens, nn::Pooler::kFirst).value();
    case io::SentencePooling::kMax:
      return greatest(hidden.value(), tokens);
    case io::SentencePooling::kMean:
    case io::SentencePooling::kMeanSqrtLength:
      return nn::pool(hidden, tokens, nn::Pooler::kAverage).value();
  }
  return {};
}

void scale(std::span<float> row, float factor) {
  for (float& value : row) value *= factor;
}

// To length 1; as PyTorch, a vector of almost nothing is not blown up.
void normalize(std::span<float> row) {
  double sum = 0;
  for (const float value : row) sum += static_cast<double>(value) * static_cast<double>(value);
  scale(row, static_cast<float>(1.0 / std::max(std::sqrt(sum), 1e-12)));
}

std::string text_of_prompt(const LoadedModel& model, const std::string& name) {
  std::string known;
  if (model.sentence) {
    for (const auto& [prompt, text] : model.sentence->prompts) {
      if (prompt == name) return text;
      known += fmt::format("{}{}", known.empty() ? "" : ", ", prompt);
    }
  }
  throw InputError(fmt::format("{}: there is no prompt \"{}\"; {}", model.source.string(), name,
                               known.empty() ? "the model has none" : "its prompts are " + known));
}

}  // namespace

EmbeddingOptions embedding_options(const LoadedModel& model, const std::optional<std::string>& prompt) {
  EmbeddingOptions options;
  options.max_length = model.sentence ? model.arch.embedding.max_positions : reading_length(model);
  options.dimensions = model.arch.hidden_size;
  if (model.sentence) {
    const io::SentenceOptions& sentence = *model.sentence;
    options.pooling = sentence.pooling;
    options.normalize = sentence.normalize;
    if (sentence.max_length > 0) options.max_length = std::min(options.max_length, sentence.max_length);
    if (sentence.truncate_dim > 0) options.dimensions = std::min(sentence.truncate_dim, options.dimensions);
  }
  const std::string name = prompt ? *prompt : model.sentence ? model.sentence->default_prompt : "";
  if (!name.empty()) options.prompt = text_of_prompt(model, name);
  return options;
}

Embeddings embed(LoadedModel& model, std::span<const std::string> texts, const EmbeddingOptions& options,
                 const ops::TreeRouting& routing) {
  const NoGradGuard no_grad;
  const std::int64_t d = model.arch.hidden_size;
  const std::int64_t kept = options.dimensions > 0 ? options.dimensions : d;
  if (kept > d) {
    throw InputError(fmt::format("{}: a vector of {} numbers is asked for, the model's has {}",
                                 model.source.string(), kept, d));
  }
  const std::int64_t longest = options.max_length > 0 ? options.max_length : reading_length(model);
  Embeddings result{Tensor::empty({static_cast<std::int64_t>(texts.size()), kept})};
  const TextEncoding encoding = single_encoding(model.arch);
  std::vector<text::Encoding> sequences;
  for (const std::string& text : texts) {
    EncodedText encoded = encode_cut(model, options.prompt + text, std::nullopt, encoding, longest);
    result.truncated += encoded.truncated ? 1 : 0;
    sequences.push_back(std::move(encoded.sequence));
  }
  for_each_batch(sequences, [&](const std::vector<std::size_t>& rows, const nn::Tokens& tokens) {
    nn::ForwardContext context;
    context.routing = routing;
    const Tensor vectors = pooled(model.encoder().forward(tokens, context), tokens, options.pooling);
    require_finite(vectors.span(), model);
    const auto width = static_cast<std::size_t>(d), kept_width = static_cast<std::size_t>(kept);
    std::vector<float> row(width);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::copy_n(vectors.data() + i * width, width, row.begin());
      if (options.pooling == io::SentencePooling::kMeanSqrtLength) {
        scale(row, static_cast<float>(std::sqrt(static_cast<double>(sequences[rows[i]].ids.size()))));
      }
      if (options.normalize) normalize(row);
      std::copy_n(row.begin(), kept_width, result.values.data() + rows[i] * kept_width);
    }
  });
  return result;
}

}  // namespace espalier::model
