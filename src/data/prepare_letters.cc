// What of the text no token will stand for.
#include <fmt/format.h>

#include <algorithm>

#include "data/prepare_parts.h"
#include "espalier/base/error.h"

namespace espalier::data {
namespace {

// Of every file, for the look before the passes.
constexpr std::size_t kSampleBytes = std::size_t{1} << 20;
constexpr double kTold = 0.01, kRefused = 0.5;

std::string examples(const text::DeletedCharacters& deleted) {
  std::string text;
  for (const auto& example : deleted.examples) text += (text.empty() ? "" : " ") + example.character;
  return text;
}

std::string way_out(const PrepareOptions& options) {
  if (!options.tokenizer_path.empty()) {
    return fmt::format(
        "that is what the tokenizer of {} does: give another tokenizer.path, or none to train one",
        options.tokenizer_path);
  }
  return fmt::format(
      "that is what tokenizer.normalizer={} does; tokenizer.normalizer=bert keeps every script",
      options.normalizer);
}

}  // namespace

void check_letters(PrepareJob& job, const text::DeletedCharacters& deleted) {
  const double share = deleted.letter_share();
  if (share <= kTold) return;
  const std::string what = fmt::format(
      "the tokenizer deletes {:.1f} % of the letters ({} of {}; most of them {}): {}", 100 * share,
      deleted.deleted_letters, deleted.letters, examples(deleted), way_out(job.options));
  if (share > kRefused) throw InputError("text.files: " + what);
  job.warnings.push_back(what);
}

namespace {

// What the beginning of each file says of all of it.
class LetterSample {
 public:
  explicit LetterSample(const text::NormalizerSpec& normalizer) : normalizer_(normalizer) {}

  void add(const std::string& text) { counts_.add(text); }

  // `weight`: how much larger the file is than what was added of it.
  void finish_file(double weight) {
    const text::DeletedCharacters deleted = counts_.deleted_by(normalizer_);
    letters_ += weight * static_cast<double>(deleted.letters);
    deleted_ += weight * static_cast<double>(deleted.deleted_letters);
    if (examples_.empty()) examples_ = examples(deleted);
    counts_ = {};
  }

  double share() const { return letters_ > 0 ? deleted_ / letters_ : 0; }
  const std::string& some() const { return examples_; }

 private:
  const text::NormalizerSpec& normalizer_;
  text::CharacterCounts counts_;
  double letters_ = 0, deleted_ = 0;
  std::string examples_;
};

}  // namespace

void look_at_letters(PrepareJob& job, const text::NormalizerSpec& normalizer) {
  LetterSample sample(normalizer);
  CorpusReader reader = job.open_corpus();
  std::size_t file = 0, taken = 0;
  for (Document document; reader.next(document);) {
    if (document.file != file) {
      if (taken > 0) sample.finish_file(1);
      file = document.file;
      taken = 0;
    }
    sample.add(document.text);
    taken += document.text.size();
    job.step("looking at letters", reader.position(), reader.total_bytes());
    if (taken < kSampleBytes) continue;
    sample.finish_file(static_cast<double>(reader.file_bytes(file)) /
                       static_cast<double>(std::max<std::uint64_t>(1, reader.file_position())));
    taken = 0;
    reader.skip_file();
  }
  if (taken > 0) sample.finish_file(1);
  // Shares between are told with the exact count, at the end.
  if (sample.share() <= kRefused) return;
  throw InputError(
      fmt::format("text.files: the tokenizer deletes {:.0f} % of the letters, to judge by the first MiB of "
                  "each file (such as {}): {}",
                  100 * sample.share(), sample.some(), way_out(job.options)));
}

}  // namespace espalier::data
