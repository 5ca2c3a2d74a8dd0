#include "model/readable_store.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "model/word_difference.h"

namespace espalier::model {

void require_readable(const LoadedModel& model, const io::TokenStoreReader& data) {
  const std::string source = model.source.string(), where = data.path().string();
  const std::string difference = word_difference(model.tokenizer_json, source, data.tokenizer_json(), where);
  const nn::EmbeddingOptions& embedding = model.arch.embedding;
  if (!difference.empty() || data.vocabulary_size() > embedding.vocab_size) {
    throw InputError(
        fmt::format("--data: {}; the model reads its own words only: prepare the text with tokenizer.path={}",
                    difference.empty() ? fmt::format("{} has {} words, {} has {}", where,
                                                     data.vocabulary_size(), source, embedding.vocab_size)
                                       : difference,
                    source));
  }
  if (data.sequence_length() > embedding.max_positions) {
    throw InputError(
        fmt::format("--data: {} holds sequences of {} tokens, but {} reads {} at most: prepare the "
                    "text with sequence_length={}",
                    where, data.sequence_length(), source, embedding.max_positions, embedding.max_positions));
  }
}

}  // namespace espalier::model
