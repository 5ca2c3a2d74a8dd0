#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "data/prepare_parts.h"
#include "espalier/base/error.h"
#include "espalier/io/tokenizer_json.h"
#include "espalier/io/tokenizer_source.h"
#include "espalier/processes/processes.h"
#include "espalier/text/word_counter.h"
#include "espalier/text/word_piece_trainer.h"

namespace espalier::data {
namespace {

// Documents between two reports of progress.
constexpr std::int64_t kReportDocuments = 256;

// How much of each file is read for training, so that a sample has something of all of them.
class SampleQuota {
 public:
  SampleQuota(const CorpusReader& reader, std::int64_t sample_bytes)
      : reader_(reader), sample_bytes_(static_cast<double>(sample_bytes)) {}

  // Counts a document; true if its file has given enough.
  bool filled(const Document& document) {
    if (sample_bytes_ == 0) return false;
    if (document.file != file_) taken_ = 0;
    file_ = document.file;
    taken_ += static_cast<double>(document.text.size());
    const double share =
        static_cast<double>(reader_.file_bytes(file_)) / static_cast<double>(reader_.total_bytes());
    return taken_ >= share * sample_bytes_;
  }

 private:
  const CorpusReader& reader_;
  double sample_bytes_;
  std::size_t file_ = 0;
  double taken_ = 0;
};

struct Counted {
  text::WordCounts counts;
  std::int64_t documents = 0, bytes = 0;
};

// Why there may be nothing to train on: empty files, records left out.
std::string left_out_of(const CorpusReader& reader) {
  constexpr std::size_t kMost = 5;
  const std::vector<std::string>& files = reader.left_out();
  std::string result;
  for (std::size_t i = 0; i < std::min(files.size(), kMost); ++i) result += "; " + files[i];
  if (files.size() > kMost) result += fmt::format("; and {} more files", files.size() - kMost);
  return result;
}

Counted count_words(PrepareJob& job, const text::TokenizerModel& pipeline) {
  text::WordCounterOptions options;
  options.max_words = job.options.max_words;
  options.max_word_characters = pipeline.max_word_characters;
  text::WordCounter counter(pipeline.normalizer, pipeline.pre_tokenizer, options);
  CorpusReader reader = job.open_corpus();
  SampleQuota quota(reader, job.options.tokenizer_sample_bytes);
  Counted result;
  for (Document document; reader.next(document);) {
    if (reader.counts().documents % kReportDocuments == 1) {
      job.step("counting words", reader.position(), reader.total_bytes());
    }
    if (job.is_validation(document.text)) continue;
    counter.add(document.text);
    ++result.documents;
    result.bytes += static_cast<std::int64_t>(document.text.size());
    if (quota.filled(document)) reader.skip_file();
  }
  job.step("counting words", reader.total_bytes(), reader.total_bytes());
  result.counts = counter.finish();
  if (processes::writes() && result.counts.words.empty()) {
    throw InputError(
        fmt::format("text.files: no words in the {} training documents ({} read); a tokenizer cannot be "
                    "trained on them{}",
                    result.documents, reader.counts().documents, left_out_of(reader)));
  }
  return result;
}

void warn(PrepareJob& job, const Counted& counted, std::size_t vocabulary) {
  const text::WordCounts& counts = counted.counts;
  if (counts.dropped_words > 0) {
    job.warnings.push_back(
        fmt::format("tokenizer.max_words ({}) was reached: {} entries of rare words were dropped, {} of {} "
                    "occurrences; no "
                    "count is more than {} too low",
                    job.options.max_words, counts.dropped_words, counts.dropped_occurrences,
                    counts.occurrences, counts.largest_undercount));
  }
  if (static_cast<std::int64_t>(vocabulary) < job.options.vocabulary_size) {
    job.warnings.push_back(
        fmt::format("the text has words for a vocabulary of {} only, not {} (tokenizer.vocab_size)",
                    vocabulary, job.options.vocabulary_size));
  }
}

// Templates and special tokens are crammed BERT's, whatever happens to the text.
text::TokenizerModel model_around(std::vector<std::string> vocabulary, const PrepareOptions& options) {
  text::TokenizerModel model = text::crammed_bert_tokenizer(std::move(vocabulary));
  if (options.normalizer == "bert") {
    model.normalizer = text::bert_normalizer(options.lowercase);
    model.pre_tokenizer = text::bert_pre_tokenizer();
  } else if (options.normalizer == "none") {
    model.normalizer = {};
  } else if (!names_normalizer(options.normalizer)) {
    const text::TokenizerModel other =
        io::parse_tokenizer_json(io::tokenizer_json_of(options.normalizer), options.normalizer);
    model.normalizer = other.normalizer;
    model.pre_tokenizer = other.pre_tokenizer;
  }
  return model;
}

// The pipeline around a vocabulary that is still to come.
text::TokenizerModel pipeline_of(const PrepareOptions& options) {
  return model_around(text::crammed_bert_special_tokens(), options);
}

PreparedTokenizer train(PrepareJob& job) {
  const text::TokenizerModel pipeline = pipeline_of(job.options);
  look_at_letters(job, pipeline.normalizer);
  const Counted counted = count_words(job, pipeline);
  job.step("training tokenizer", 0, 0);
  text::TrainerOptions options;
  options.vocabulary_size = static_cast<int>(job.options.vocabulary_size);
  options.limit_alphabet = static_cast<int>(job.options.limit_alphabet);
  std::vector<std::string> vocabulary = text::train_word_piece(counted.counts, options);
  warn(job, counted, vocabulary.size());
  const text::TokenizerModel model = model_around(std::move(vocabulary), job.options);
  io::Json report;
  report["trained_on_documents"] = counted.documents;
  report["trained_on_bytes"] = counted.bytes;
  report["word_occurrences"] = counted.counts.occurrences;
  report["distinct_words"] = counted.counts.words.size();
  report["too_long_words"] = counted.counts.too_long;
  report["dropped_words"] = counted.counts.dropped_words;
  report["dropped_occurrences"] = counted.counts.dropped_occurrences;
  return {io::tokenizer_json(model), text::Tokenizer(model), std::move(report)};
}

}  // namespace

void help_count_words(PrepareJob& job) {
  count_words(job, pipeline_of(job.options));
}

PreparedTokenizer make_tokenizer(PrepareJob& job) {
  PreparedTokenizer result = [&] {
    if (job.options.tokenizer_path.empty()) return train(job);
    std::string json = io::tokenizer_json_of(job.options.tokenizer_path);
    text::Tokenizer tokenizer = io::parse_tokenizer(json, "tokenizer.path: " + job.options.tokenizer_path);
    look_at_letters(job, tokenizer.model().normalizer);
    return PreparedTokenizer{std::move(json), std::move(tokenizer), io::Json::object()};
  }();
  result.report["vocabulary_size"] = result.tokenizer.vocabulary_size();
  return result;
}

}  // namespace espalier::data
