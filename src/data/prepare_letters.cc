// What of the text no token will stand for.
#include <fmt/format.h>

#include <algorithm>

#include "data/prepare_parts.h"
#include "espalier/base/error.h"
#include "espalier/base/log.h"

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

std::string what_is_deleted(const PrepareOptions& options, const text::DeletedCharacters& deleted) {
  return fmt::format("the tokenizer deletes {:.1f} % of the letters ({} of {}; most of them {}): {}",
                     100 * deleted.letter_share(), deleted.deleted_letters, deleted.letters,
                     examples(deleted), way_out(options));
}

}  // namespace

void check_letters(PrepareJob& job, const text::DeletedCharacters& deleted) {
  const double share = deleted.letter_share();
  if (share <= kTold) return;
  const std::string what = what_is_deleted(job.options, deleted);
  if (share > kRefused) throw InputError("text.files: " + what);
  job.warnings.push_back(what);
}

void look_at_letters(PrepareJob& job, const text::NormalizerSpec& normalizer) {
  text::CharacterCounts counts;
  CorpusReader reader = job.open_corpus();
  std::size_t file = 0, taken = 0;
  bool whole = true;
  for (Document document; reader.next(document);) {
    if (document.file != file) taken = 0;
    file = document.file;
    counts.add(document.text);
    taken += document.text.size();
    job.step("looking at letters", reader.position(), reader.total_bytes());
    if (taken < kSampleBytes) continue;
    reader.skip_file();
    whole = false;
  }
  const text::DeletedCharacters deleted = counts.deleted_by(normalizer);
  // Shares between are told with the exact count, at the end.
  if (deleted.letter_share() <= kRefused) return;
  if (whole) check_letters(job, deleted);
  log_warning(
      fmt::format("text.files: of the first MiB of each file {}; if that is so of more than half of all "
                  "letters, the text is "
                  "refused when it has been read",
                  what_is_deleted(job.options, deleted)));
}

}  // namespace espalier::data
