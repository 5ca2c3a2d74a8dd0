#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <vector>

#include "data/prepare_parts.h"
#include "espalier/base/checksum.h"
#include "espalier/base/error.h"
#include "espalier/base/philox.h"

namespace espalier::data {
namespace {

constexpr std::int64_t kStepDocuments = 1024;

// No tokenizer makes less than a token of a word, and <sep> follows the document.
std::uint64_t least_tokens(std::string_view text) {
  std::uint64_t tokens = 1;
  bool in_word = false;
  for (const char c : text) {
    const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
    if (!blank && !in_word) ++tokens;
    in_word = !blank;
  }
  return tokens;
}

struct Documents {
  std::map<std::uint64_t, std::uint64_t> tokens;  // at least, by split word; equal documents are one
  std::uint64_t held_out = 0, kept = 0;           // tokens by validation_fraction
  bool enough = false;
};

// Reads until both splits are known to have a sequence, which takes a few documents of many.
Documents read_documents(PrepareJob& job, std::uint64_t below) {
  const auto wanted = static_cast<std::uint64_t>(job.options.sequence_length);
  CorpusReader reader = job.open_corpus();
  Documents result;
  for (Document document; !result.enough && reader.next(document);) {
    if (reader.counts().documents % kStepDocuments == 1) {
      job.step("looking for validation", reader.position(), reader.total_bytes());
    }
    const std::uint64_t word = split_word(job.options, document.text);
    const std::uint64_t tokens = least_tokens(document.text);
    result.tokens[word] += tokens;
    (word < below ? result.held_out : result.kept) += tokens;
    result.enough = result.held_out >= wanted && result.kept >= wanted;
  }
  return result;
}

// How many documents, in the order of their words, to hold out: as near to `planned` as lets both parts have
// `wanted` tokens. Where the text is too short for that, training comes first.
std::size_t held_out_documents(const std::vector<std::uint64_t>& tokens, std::size_t planned,
                               std::uint64_t wanted) {
  const auto sum = [&](std::size_t begin, std::size_t end) {
    return std::accumulate(tokens.begin() + static_cast<std::ptrdiff_t>(begin),
                           tokens.begin() + static_cast<std::ptrdiff_t>(end), std::uint64_t{0});
  };
  std::size_t count = std::clamp<std::size_t>(planned, 1, tokens.size() - 1);
  while (count + 1 < tokens.size() && sum(0, count) < wanted) ++count;
  while (count > 1 && sum(count, tokens.size()) < wanted) --count;
  return count;
}

}  // namespace

std::uint32_t split_word(const PrepareOptions& options, std::string_view text) {
  const Philox random(options.seed, RandomStream::kSplit, checksum(text.data(), text.size()));
  return random.word(0);
}

std::uint64_t split_threshold(PrepareJob& job) {
  const double fraction = job.options.validation_fraction;
  const auto below = static_cast<std::uint64_t>(std::ceil(fraction * 0x1p32));
  if (below == 0) {
    job.warnings.emplace_back(
        "validation_fraction=0: there is nothing to evaluate on: `pretrain` and `evaluate` will want a store "
        "with validation");
    return below;
  }
  const Documents documents = read_documents(job, below);
  // Without any, the tokenizer or the encoder says so.
  if (documents.enough || documents.tokens.empty()) return below;
  if (documents.tokens.size() == 1) {
    throw InputError(
        "text.files: there is one document (or copies of one), but validation_fraction holds out whole "
        "documents: give at least two (in text files a blank line ends one; files are documents of their "
        "own), "
        "or validation_fraction=0 for a store without validation");
  }
  std::vector<std::uint64_t> tokens;
  for (const auto& [word, count] : documents.tokens) tokens.push_back(count);
  const auto planned =
      static_cast<std::size_t>(std::distance(documents.tokens.begin(), documents.tokens.lower_bound(below)));
  const std::size_t count =
      held_out_documents(tokens, planned, static_cast<std::uint64_t>(job.options.sequence_length));
  if (count == planned) return below;
  job.warnings.push_back(
      fmt::format("few documents: {} of {} are held out for validation, where validation_fraction={} meant "
                  "{}, so that both splits have text",
                  count, tokens.size(), fraction, planned));
  return std::next(documents.tokens.begin(), static_cast<std::ptrdiff_t>(count))->first;
}

}  // namespace espalier::data
