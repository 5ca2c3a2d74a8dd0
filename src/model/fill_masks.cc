#include "espalier/model/fill_masks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "espalier/base/error.h"
#include "espalier/model/text_encoding.h"
#include "model/sequence_batches.h"
#include "text/utf8.h"

namespace espalier::model {

namespace {

// One text with the places of its masks.
struct MaskedText {
  text::Encoding sequence;
  std::vector<std::size_t> masks;
};

constexpr std::size_t kShownBytes = 60;

// Why a text's masks cannot be filled; nothing if they can.
std::string problem_of(const LoadedModel& model, const std::string& text, const MaskedText& masked) {
  if (masked.masks.empty()) {
    const text::Tokenizer& tokenizer = model.require_tokenizer();
    return fmt::format("no {} to fill in the text \"{}\"", tokenizer.token(tokenizer.mask_id()),
                       text::shortened(text, kShownBytes));
  }
  const std::int64_t longest = model.arch.embedding.max_positions;
  if (static_cast<std::int64_t>(masked.sequence.ids.size()) <= longest) return "";
  return fmt::format("{} tokens, but the model reads at most {}: the text \"{}\"", masked.sequence.ids.size(),
                     longest, text::shortened(text, kShownBytes));
}

// InputError naming the model whose tokenizer has none.
std::int32_t mask_of(const LoadedModel& model) {
  try {
    return model.require_tokenizer().mask_id();
  } catch (const InputError& error) {
    throw InputError(fmt::format("{}: {}", model.source.string(), error.what()));
  }
}

MaskedText masked_text(const LoadedModel& model, const std::string& text) {
  const text::Tokenizer& tokenizer = model.require_tokenizer();
  const std::int32_t mask = mask_of(model);
  MaskedText result{encode_texts(tokenizer, text, std::nullopt, single_encoding(model.arch)), {}};
  for (std::size_t i = 0; i < result.sequence.ids.size(); ++i) {
    if (result.sequence.ids[i] == mask) result.masks.push_back(i);
  }
  return result;
}

// The ids of the `top` largest logits, best first, lower ids first among equals.
std::vector<std::int32_t> best_of(std::span<const float> logits, std::int64_t top) {
  std::vector<std::int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  const auto count = std::min(static_cast<std::ptrdiff_t>(top), static_cast<std::ptrdiff_t>(order.size()));
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](std::int32_t a, std::int32_t b) {
    const float of_a = logits[static_cast<std::size_t>(a)];
    const float of_b = logits[static_cast<std::size_t>(b)];
    return of_a != of_b ? of_a > of_b : a < b;
  });
  order.resize(static_cast<std::size_t>(count));
  return order;
}

double log_sum_exp(std::span<const float> logits) {
  const double top = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - top);
  return top + std::log(sum);
}

class Decoder {
 public:
  explicit Decoder(const LoadedModel& model)
      : tokenizer_(model.require_tokenizer()), clean_up_(model.clean_up_spaces) {
    for (const char* name : {"<pad>", "[PAD]"}) {
      if (pad_ < 0) pad_ = tokenizer_.find(name).value_or(-1);
    }
  }

  std::string token(std::int32_t id) const { return decode({id}, false); }

  // The whole text with `id` in the place of mask `place`; padding is left out.
  std::string sequence(const MaskedText& text, std::size_t place, std::int32_t id) const {
    std::vector<std::int32_t> ids = text.sequence.ids;
    ids[text.masks[place]] = id;
    std::erase(ids, pad_);
    // With several masks the others must stay visible.
    return decode(ids, text.masks.size() == 1);
  }

 private:
  std::string decode(const std::vector<std::int32_t>& ids, bool skip_special_tokens) const {
    const std::string text = tokenizer_.decode(ids, skip_special_tokens);
    return clean_up_ ? text::Tokenizer::clean_up(text) : text;
  }

  const text::Tokenizer& tokenizer_;
  bool clean_up_;
  std::int32_t pad_ = -1;
};

std::vector<MaskPrediction> predictions(std::span<const float> logits, std::int64_t top,
                                        const MaskedText& text, std::size_t place, const Decoder& decoder) {
  const double total = log_sum_exp(logits);
  std::vector<MaskPrediction> result;
  for (const std::int32_t id : best_of(logits, top)) {
    const double score = std::exp(static_cast<double>(logits[static_cast<std::size_t>(id)]) - total);
    result.push_back({score, id, decoder.token(id), decoder.sequence(text, place, id)});
  }
  return result;
}

}  // namespace

std::string mask_problem(const LoadedModel& model, const std::string& text) {
  return problem_of(model, text, masked_text(model, text));
}

std::vector<std::vector<std::vector<MaskPrediction>>> fill_masks(LoadedModel& model,
                                                                 std::span<const std::string> texts,
                                                                 std::int64_t top,
                                                                 const ops::TreeRouting& routing) {
  const NoGradGuard no_grad;
  nn::MaskedLm& lm = model.require_lm();
  const Decoder decoder(model);
  std::vector<MaskedText> masked;
  std::vector<text::Encoding> sequences;
  for (const std::string& text : texts) {
    masked.push_back(masked_text(model, text));
    const std::string problem = problem_of(model, text, masked.back());
    if (!problem.empty()) throw InputError(problem);
    sequences.push_back(masked.back().sequence);
  }
  std::vector<std::vector<std::vector<MaskPrediction>>> results(texts.size());
  for_each_batch(sequences, [&](const std::vector<std::size_t>& rows, const nn::Tokens& tokens) {
    std::vector<std::int32_t> positions;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      for (const std::size_t mask : masked[rows[i]].masks) {
        positions.push_back(tokens.first_rows.data()[i] + static_cast<std::int32_t>(mask));
      }
    }
    nn::ForwardContext context;
    context.routing = routing;
    const Tensor logits = lm.logits(tokens, positions, context).value();
    require_finite(logits.span(), model);
    const auto words = static_cast<std::size_t>(logits.shape().columns());
    std::size_t next = 0;
    for (const std::size_t row : rows) {
      for (std::size_t place = 0; place < masked[row].masks.size(); ++place) {
        const std::span<const float> of_mask = logits.span().subspan(words * next++, words);
        results[row].push_back(predictions(of_mask, top, masked[row], place, decoder));
      }
    }
  });
  return results;
}

}  // namespace espalier::model
