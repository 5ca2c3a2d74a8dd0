// The parts of `prepare`, in the order they run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/base/parallel.h"
#include "espalier/data/corpus.h"
#include "espalier/data/prepare.h"
#include "espalier/text/character_counts.h"
#include "espalier/text/tokenizer.h"
#include "io/file_ops.h"

namespace espalier::data {

// Decides on a document's split: a function of its text and the seed, so that order does not matter.
std::uint32_t split_word(const PrepareOptions& options, std::string_view text);

// What all parts share.
struct PrepareJob {
  const PrepareOptions& options;
  std::vector<std::filesystem::path> files;
  const PrepareCallback& progress;
  std::vector<std::string> warnings;
  std::vector<std::filesystem::path> shown = {};  // `files` for messages: not the copy of a pipe
  std::optional<TableFormat> format = {};         // of all `files`; nothing: by the extension
  std::uint64_t validation_below = 0;             // split words below it are held out

  // Reports progress, and throws Interrupted if a signal has come.
  void step(const std::string& phase, std::uint64_t done, std::uint64_t total) const;
  CorpusReader open_corpus() const;
  // True if a document is held out.
  bool is_validation(std::string_view text) const { return split_word(options, text) < validation_below; }
};

// --- prepare_split.cc: before the passes
// Below which split words documents are held out: what validation_fraction says, so that the other documents
// do not matter, unless one of the splits might then get no sequence, as with few documents. InputError for a
// single document.
std::uint64_t split_threshold(PrepareJob& job);

// --- prepare_options.cc: what takes the files to tell
// What all `files` hold: text.format, or .txt of standard input alone. InputError for standard input among
// files that have an extension, and for settings of tables where no file is one.
std::optional<TableFormat> format_of_all(const PrepareOptions& options,
                                         const std::vector<std::filesystem::path>& files);

// --- prepare_pipes.cc
inline constexpr char kSpooledName[] = "standard-input-";
// Files that can be read once only, copied to temporary files that vanish with this object.
class SpooledPipes {
 public:
  // Puts the copies of pipes and standard input in their place in job.files; job.shown stays.
  explicit SpooledPipes(PrepareJob& job);
  ~SpooledPipes();
  SpooledPipes(const SpooledPipes&) = delete;
  SpooledPipes& operator=(const SpooledPipes&) = delete;

 private:
  std::vector<std::unique_ptr<io::AtomicFile>> copies_;
};

// --- prepare_manifest.cc: what the result depends on
// The settings that matter for the result; `own_tokenizer` is that of the file at tokenizer.path, or "".
io::Json configuration_json(const PrepareOptions& options, const std::string& own_tokenizer);
// The checksum of every file of the corpus; collective: each process reads some of them.
std::vector<std::string> source_checksums(const PrepareJob& job);
// Name, size and checksum of every file of the corpus.
io::Json sources_json(const PrepareJob& job, const std::vector<std::string>& checksums);
// How a store that is there was made otherwise than from `configuration` and `sources`; "" if it was not.
std::string manifest_difference(const io::Json& manifest, const io::Json& configuration,
                                const io::Json& sources);
// Of the tokenizer that a path means (io/tokenizer_source.h).
std::string tokenizer_checksum(const std::string& path);

// --- prepare_letters.cc: what the normalizer deletes
// Warns of more than 1 % of the letters, and refuses more than half, naming the way out.
void check_letters(PrepareJob& job, const text::DeletedCharacters& deleted);
// The same refusal before the work, where the beginnings of the files are all of them; else a warning.
void look_at_letters(PrepareJob& job, const text::NormalizerSpec& normalizer);

// --- prepare_tokenizer.cc: pass 1
struct PreparedTokenizer {
  std::string json;  // the tokenizer.json
  text::Tokenizer tokenizer;
  io::Json report;  // for the manifest
};
// Words are counted by all processes: collective with help_count_words.
PreparedTokenizer make_tokenizer(PrepareJob& job);
void help_count_words(PrepareJob& job);

// --- prepare_together.cc: the text of pass 2, encoded by all processes
// A document, beside its tokens.
struct EncodedFigures {
  std::int64_t tokens = 0;  // <sep> included, which follows any others
  std::int64_t bytes = 0;
  std::int64_t characters = 0;
  std::int64_t other_letters = 0;  // of the characters, letters outside ASCII
  std::int64_t unknown_tokens = 0;
  std::int64_t special_tokens = 0;  // written out in the text
  std::int64_t validation = 0;      // 1 if it is held out
};
using TakeEncoded = FunctionRef<void(const EncodedFigures& figures, std::span<const std::int32_t> tokens)>;
// Reads the corpus; at process 0 `take` gets every document in order, and `letters` all characters. Nothing
// elsewhere. Collective.
CorpusReader encode_together(PrepareJob& job, const text::Tokenizer& tokenizer,
                             text::CharacterCounts& letters, TakeEncoded take);
// What process 0 has found out, for the others, and what these do: nothing where it is there already.
void tell_others_to_begin(const PrepareJob& job);
void tell_others_of_nothing();
void help_first(PrepareJob& job);
// InputError for files that can be read once only: process 0 alone has standard input.
void require_files_for_all(const PrepareJob& job);

// --- prepare_encode.cc: pass 2
// Writes out/tokenizer.json and out/tokens.h5; returns the manifest in it: `manifest` with what was found
// added.
io::Json encode_corpus(PrepareJob& job, const PreparedTokenizer& prepared, io::Json manifest);

}  // namespace espalier::data
