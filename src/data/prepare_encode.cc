#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "data/prepare_parts.h"
#include "data/sequence_builder.h"
#include "espalier/base/error.h"
#include "espalier/io/text_file.h"
#include "espalier/io/token_store.h"
#include "text/utf8.h"

namespace espalier::data {
namespace {

// What a short text may have above the ratio by chance, and what a letter outside ASCII may cost, in tokens:
// see default_token_ratio().
constexpr double kSpareTokens = 8;
constexpr double kTokensOfLetter = 1.5;

struct SplitCounts {
  std::int64_t documents = 0, bytes = 0, characters = 0;
};

// Entries of a tokenizer that are a character, at the beginning of a word, and those of several anywhere.
struct EntryLengths {
  std::int64_t characters = 0, words = 0;
};
EntryLengths entry_lengths(const text::Tokenizer& tokenizer) {
  const std::string& prefix = tokenizer.model().continuation_prefix;
  EntryLengths lengths;
  for (std::int32_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
    std::string_view token = tokenizer.token(id);
    if (token.empty() || tokenizer.is_special(id)) continue;
    const bool continues = !prefix.empty() && token.size() > prefix.size() && token.starts_with(prefix);
    if (continues) token.remove_prefix(prefix.size());
    const bool word = text::count_code_points(token) > 1;
    lengths.words += word;
    lengths.characters += !word && !continues;
  }
  return lengths;
}

class Encoder {
 public:
  Encoder(PrepareJob& job, const PreparedTokenizer& prepared, io::TokenStoreWriter& store)
      : job_(job),
        tokenizer_(prepared.tokenizer),
        ratio_(job.options.max_token_ratio > 0 ? job.options.max_token_ratio
                                               : default_token_ratio(entry_lengths(tokenizer_).words)),
        train_(builder_options(io::Split::kTrain), store),
        validation_(builder_options(io::Split::kValidation), store) {}

  void run() {
    const CorpusReader reader =
        encode_together(job_, tokenizer_, letters_,
                        [this](const EncodedFigures& figures, std::span<const std::int32_t> tokens) {
                          take(figures, tokens);
                        });
    corpus_ = reader.counts();
    left_out_ = reader.left_out();
    finish();
  }

  void report(io::Json& manifest) const;
  void warn_of_bad_records() const;

 private:
  void warn_of_words(const io::Json& tokenizer) const;
  bool alphabet_is_full() const;
  SequenceBuilderOptions builder_options(io::Split split) const;
  bool is_symbols(const EncodedFigures& figures) const;
  void take(const EncodedFigures& figures, std::span<const std::int32_t> tokens);
  void finish();
  void require_sequences(const SequenceBuilder& builder, const char* name, const char* advice) const;

  PrepareJob& job_;
  const text::Tokenizer& tokenizer_;
  double ratio_;
  SequenceBuilder train_, validation_;
  SplitCounts train_counts_, validation_counts_;
  CorpusCounts corpus_;
  std::vector<std::string> left_out_;
  std::int64_t too_symbolic_ = 0, without_tokens_ = 0, unknown_tokens_ = 0, special_tokens_ = 0;
  text::CharacterCounts letters_;
  text::DeletedCharacters deleted_;
};

SequenceBuilderOptions Encoder::builder_options(io::Split split) const {
  SequenceBuilderOptions options;
  options.split = split;
  const bool train = split == io::Split::kTrain;
  options.order = train ? job_.options.order : SequenceOrder::kShuffled;
  options.sequence_length = job_.options.sequence_length;
  options.vocabulary_size = tokenizer_.vocabulary_size();
  if (options.order == SequenceOrder::kFullStops) {
    const auto stop = tokenizer_.find(".");
    if (!stop) {
      throw InputError("order: full_stops needs a tokenizer with the token `.`; use shuffled or stored");
    }
    options.full_stop_id = *stop;
  }
  options.seed = job_.options.seed;
  options.folder = job_.options.out;
  // Validation is the smaller part by far.
  const auto memory = static_cast<std::size_t>(job_.options.sort_memory_mb) << 20;
  options.sort_memory_bytes = train ? memory - memory / 8 : memory / 8;
  return options;
}

bool Encoder::is_symbols(const EncodedFigures& figures) const {
  const auto tokens = static_cast<double>(figures.tokens);
  const auto characters = static_cast<double>(figures.characters);
  // A ratio that was given is applied as published: to all lengths and scripts, <sep> included.
  if (job_.options.max_token_ratio > 0) return tokens >= ratio_ * characters;
  const auto letters = static_cast<double>(figures.other_letters);
  return tokens - 1 - kSpareTokens >= ratio_ * (characters - letters) + kTokensOfLetter * letters;
}

void Encoder::take(const EncodedFigures& figures, std::span<const std::int32_t> tokens) {
  if (tokens.empty()) {
    ++without_tokens_;
    return;
  }
  if (is_symbols(figures)) {
    ++too_symbolic_;
    return;
  }
  unknown_tokens_ += figures.unknown_tokens;
  special_tokens_ += figures.special_tokens;
  const bool validation = figures.validation != 0;
  SplitCounts& counts = validation ? validation_counts_ : train_counts_;
  ++counts.documents;
  counts.bytes += figures.bytes;
  counts.characters += figures.characters;
  (validation ? validation_ : train_).add(tokens);
}

void Encoder::require_sequences(const SequenceBuilder& builder, const char* name, const char* advice) const {
  if (builder.sequences() > 0) return;
  throw InputError(fmt::format(
      "the {} split has no sequence of {} tokens: {} tokens fell to it, of {} documents read ({} dropped as "
      "symbols); {}",
      name, job_.options.sequence_length, builder.tokens(), corpus_.documents, too_symbolic_, advice));
}

void Encoder::finish() {
  deleted_ = letters_.deleted_by(tokenizer_.model().normalizer);
  check_letters(job_, deleted_);
  require_sequences(train_, "training", "give more text, or a higher text.max_token_ratio");
  if (job_.options.validation_fraction > 0) {
    require_sequences(
        validation_, "validation",
        "give more documents (in text files a blank line ends one) or a larger validation_fraction");
  }
  const auto total = static_cast<std::uint64_t>(train_.sequences() + validation_.sequences());
  std::uint64_t done = 0;
  const auto step = [&] {
    if (++done % 4096 == 0) job_.step("writing", done, total);
  };
  train_.finish(step);
  validation_.finish(step);
  job_.step("writing", total, total);
}

void Encoder::warn_of_bad_records() const {
  constexpr std::size_t kMost = 5;
  for (std::size_t i = 0; i < std::min(kMost, left_out_.size()); ++i) job_.warnings.push_back(left_out_[i]);
  if (left_out_.size() > kMost) {
    job_.warnings.push_back(
        fmt::format("{} files more were empty or had bad records", left_out_.size() - kMost));
  }
}

io::Json split_json(const SplitCounts& counts, const SequenceBuilder& builder) {
  io::Json json;
  json["documents"] = counts.documents;
  json["bytes"] = counts.bytes;
  json["characters"] = counts.characters;
  json["tokens"] = builder.tokens();
  json["sequences"] = builder.sequences();
  json["dropped_tokens"] = builder.remainder();
  if (builder.tokens() > 0) {
    json["bytes_per_token"] = static_cast<double>(counts.bytes) / static_cast<double>(builder.tokens());
  }
  return json;
}

// Whether more characters may be in the text than the trained tokenizer was to know.
bool Encoder::alphabet_is_full() const {
  return job_.options.tokenizer_path.empty() &&
         entry_lengths(tokenizer_).characters >= job_.options.limit_alphabet;
}

void Encoder::warn_of_words(const io::Json& tokenizer) const {
  const std::int64_t tokens = train_.tokens() + validation_.tokens();
  if (unknown_tokens_ * 100 > tokens) {
    job_.warnings.push_back(
        fmt::format("{} of {} tokens are unknown: words with characters that the tokenizer does not know, or "
                    "longer than it reads{}",
                    unknown_tokens_, tokens, alphabet_is_full() ? "; raise tokenizer.limit_alphabet" : ""));
  }
  const auto too_long = tokenizer.value("too_long_words", std::int64_t{0});
  if (too_long * 100 > tokenizer.value("word_occurrences", std::int64_t{0})) {
    job_.warnings.push_back(
        fmt::format("{} of {} words are longer than {} characters, and each is one unknown token: where a "
                    "script has no blanks "
                    "between words, put them into the text first",
                    too_long, tokenizer.value("word_occurrences", std::int64_t{0}),
                    tokenizer_.model().max_word_characters));
  }
  if (special_tokens_ > 0) {
    job_.warnings.push_back(
        fmt::format("{} special tokens, such as {}, are written out in the text, and were read as such",
                    special_tokens_, tokenizer_.token(tokenizer_.sep_id())));
  }
}

void Encoder::report(io::Json& manifest) const {
  io::Json& documents = manifest["documents"];
  documents["read"] = corpus_.documents + corpus_.empty;
  documents["kept"] = train_counts_.documents + validation_counts_.documents;
  documents["too_symbolic"] = too_symbolic_;
  documents["max_token_ratio"] = ratio_;
  documents["without_tokens"] = without_tokens_ + corpus_.empty;
  documents["cut"] = corpus_.cut_documents;
  documents["pieces_of_cut"] = corpus_.pieces;
  documents["invalid_utf8"] = corpus_.invalid_utf8;
  documents["bad_records"] = corpus_.bad_records;
  documents["letters"] = deleted_.letters;
  documents["deleted_letters"] = deleted_.deleted_letters;
  documents["unknown_tokens"] = unknown_tokens_;
  documents["special_tokens"] = special_tokens_;
  manifest["train"] = split_json(train_counts_, train_);
  manifest["validation"] = split_json(validation_counts_, validation_);
  warn_of_words(manifest.at("tokenizer"));
  const std::string too_long = fmt::format(
      "{} documents are longer than text.max_document_bytes ({}) and were "
      "cut in {} pieces that count as documents",
      corpus_.cut_documents, job_.options.max_document_bytes, corpus_.pieces);
  if (corpus_.cut_documents > 0) job_.warnings.push_back(too_long);
  if (corpus_.invalid_utf8 > 0) {
    job_.warnings.push_back(
        fmt::format("{} of {} documents hold bytes that are not UTF-8, which the tokenizer replaces ({} "
                    "first); if they are "
                    "Latin-1, convert them: iconv -f latin1 -t utf-8",
                    corpus_.invalid_utf8, corpus_.documents, corpus_.first_invalid_utf8));
  }
  warn_of_bad_records();
  // Of prose the default drops less than 3 %, the published rule 1.4 %.
  if (too_symbolic_ * 20 > corpus_.documents) {
    job_.warnings.push_back(
        fmt::format("{} of {} documents were dropped as symbols, at {:.3f} tokens a character or more; "
                    "text.max_token_ratio=9 keeps all",
                    too_symbolic_, corpus_.documents, ratio_));
  }
}

}  // namespace

io::Json encode_corpus(PrepareJob& job, const PreparedTokenizer& prepared, io::Json manifest) {
  io::TokenStoreOptions options;
  options.vocabulary_size = prepared.tokenizer.vocabulary_size();
  options.sequence_length = job.options.sequence_length;
  const std::filesystem::path out = job.options.out;
  io::TokenStoreWriter store(out / "tokens.h5", options);
  Encoder encoder(job, prepared, store);
  encoder.run();
  encoder.report(manifest);
  // Where the store is, everything is: the tokenizer beside it is a copy of its own, made again where it is
  // missing.
  store.finish(prepared.json, manifest);
  io::write_text_atomically(out / "tokenizer.json", prepared.json);
  return manifest;
}

}  // namespace espalier::data
