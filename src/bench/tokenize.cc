#include "espalier/bench/tokenize.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "bench/timing.h"
#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "espalier/base/philox.h"
#include "espalier/base/resident_memory.h"
#include "espalier/io/json.h"
#include "espalier/io/line_reader.h"
#include "espalier/io/text_file.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/text/tokenizer.h"
#include "espalier/text/word_counter.h"
#include "espalier/text/word_piece_trainer.h"

namespace espalier::bench {
namespace {

using Documents = std::vector<std::string>;

constexpr std::int64_t kMegabyte = 1'000'000;

// Words of a few syllables, frequent ones first: word r is drawn with a probability of about 1 / r.
class GeneratedText {
 public:
  std::string document(std::uint64_t number) const {
    const Philox random(1, RandomStream::kInit, number);
    std::string text;
    for (std::uint64_t i = 0; text.size() < 1000; ++i) {
      const double rank = std::pow(kWords, static_cast<double>(random.uniform(i)));
      append_word(static_cast<std::uint64_t>(rank), text);
      text += random.below(1000000 + i, 12) == 0 ? ". " : " ";
    }
    return text;
  }

 private:
  static constexpr double kWords = 200000;
  static void append_word(std::uint64_t rank, std::string& text) {
    static constexpr std::array<const char*, 20> kSyllables = {"the", "an",  "ri",  "to", "les", "con", "per",
                                                               "al",  "in",  "dra", "mo", "st",  "er",  "un",
                                                               "qua", "ing", "vel", "or", "pha", "ed"};
    for (; rank > 0; rank /= kSyllables.size()) text += kSyllables[rank % kSyllables.size()];
  }
};

Documents generate(std::int64_t bytes) {
  Documents documents;
  for (std::int64_t size = 0; size < bytes;) {
    documents.push_back(GeneratedText().document(documents.size()));
    size += static_cast<std::int64_t>(documents.back().size());
  }
  return documents;
}

Documents read(const std::vector<std::string>& files, std::int64_t most_bytes) {
  Documents documents;
  std::int64_t size = 0;
  const std::int64_t share = most_bytes / static_cast<std::int64_t>(files.size());
  std::int64_t limit = 0;
  for (const std::string& file : files) {
    limit += share;
    io::LineReader reader(file);
    while (const std::optional<std::string_view> line = reader.next()) {
      if (line->empty()) continue;
      documents.emplace_back(*line);
      size += static_cast<std::int64_t>(line->size());
      if (most_bytes > 0 && size >= limit) break;
    }
  }
  if (documents.empty()) throw InputError("bench tokenize: the files hold no text");
  return documents;
}

std::vector<std::string> train(const Documents& documents, std::int64_t size) {
  const text::TokenizerModel pipeline = text::crammed_bert_tokenizer(text::crammed_bert_special_tokens());
  text::WordCounter counter(pipeline.normalizer, pipeline.pre_tokenizer);
  for (const std::string& document : documents) counter.add(document);
  text::TrainerOptions options;
  options.vocabulary_size = static_cast<int>(size);
  return text::train_word_piece(counter.finish(), options);
}

using Ids = std::vector<std::vector<std::int32_t>>;

Ids encode(const text::Tokenizer& tokenizer, const Documents& documents) {
  Ids ids(documents.size());
  parallel_for(static_cast<std::int64_t>(documents.size()), 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      tokenizer.encode_to(documents[static_cast<std::size_t>(i)], ids[static_cast<std::size_t>(i)]);
    }
  });
  return ids;
}

// The same work with each number of threads; results must not differ.
class TokenizeRun {
 public:
  TokenizeRun(const TokenizeOptions& options, const Documents& documents)
      : options_(options), documents_(documents) {
    for (const std::string& document : documents) bytes_ += static_cast<std::int64_t>(document.size());
  }

  TokenizeRow measure(int threads) {
    set_thread_count(threads);
    TokenizeRow row;
    row.threads = threads;
    row.bytes = bytes_;
    row.documents = static_cast<std::int64_t>(documents_.size());
    const double before = static_cast<double>(peak_resident_bytes()) / 1e9;
    const double begin = now_seconds();
    std::vector<std::string> vocabulary = train(documents_, options_.vocabulary);
    row.train_s = now_seconds() - begin;
    row.train_rss_gb = static_cast<double>(peak_resident_bytes()) / 1e9 - before;
    row.vocabulary = static_cast<std::int64_t>(vocabulary.size());
    if (vocabulary_.empty()) vocabulary_ = vocabulary;
    if (vocabulary != vocabulary_) fail("vocabulary");
    const text::TokenizerModel model = text::crammed_bert_tokenizer(std::move(vocabulary));
    if (!options_.tokenizer_file.empty()) {
      io::write_text_atomically(options_.tokenizer_file, io::tokenizer_json(model));
    }
    encode_rounds(text::Tokenizer(model), row);
    return row;
  }

 private:
  void encode_rounds(const text::Tokenizer& tokenizer, TokenizeRow& row) {
    std::vector<double> seconds;
    for (std::int64_t round = 0; round < options_.rounds; ++round) {
      stop_if_interrupted();
      const double begin = now_seconds();
      Ids ids = encode(tokenizer, documents_);
      seconds.push_back(now_seconds() - begin);
      if (ids_.empty())
        ids_ = std::move(ids);
      else if (ids != ids_)
        fail("ids");
    }
    for (const std::vector<std::int32_t>& document : ids_) {
      row.tokens += static_cast<std::int64_t>(document.size());
    }
    row.encode_mb_per_s = static_cast<double>(bytes_) / 1e6 / median(seconds);
    row.tokens_per_s = static_cast<double>(row.tokens) / median(seconds);
    row.spread = spread(seconds);
  }

  [[noreturn]] static void fail(const char* what) {
    throw RunError(fmt::format("bench tokenize: the {} changed with the number of threads", what));
  }

  const TokenizeOptions& options_;
  const Documents& documents_;
  std::int64_t bytes_ = 0;
  std::vector<std::string> vocabulary_;
  Ids ids_;
};

}  // namespace

TokenizeReport bench_tokenize(const TokenizeOptions& options) {
  if (options.rounds < 1) throw InputError("bench tokenize: --rounds must be at least 1");
  if (options.megabytes < (options.files.empty() ? 1 : 0)) {
    throw InputError("bench tokenize: --megabytes must be at least 1, or 0 for all of the files");
  }
  const std::int64_t bytes = options.megabytes * kMegabyte;
  const Documents documents = options.files.empty() ? generate(bytes) : read(options.files, bytes);
  TokenizeReport report;
  report.machine = describe_machine();
  const int threads = thread_count();
  TokenizeRun run(options, documents);
  report.rows.push_back(run.measure(1));
  if (threads > 1) report.rows.push_back(run.measure(threads));
  return report;
}

io::Json tokenize_json(const TokenizeRow& row) {
  return {{"threads", row.threads},
          {"train_s", row.train_s},
          {"encode_mb_per_s", row.encode_mb_per_s},
          {"tokens_per_s", row.tokens_per_s},
          {"spread", row.spread},
          {"train_rss_gb", row.train_rss_gb},
          {"bytes", row.bytes},
          {"tokens", row.tokens},
          {"documents", row.documents},
          {"vocabulary", row.vocabulary}};
}

}  // namespace espalier::bench
