// The parts of `prepare`, in the order they run.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
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
  std::vector<std::string> names = {};     // of `files`, for the manifest
  std::optional<TableFormat> format = {};  // of all `files`; nothing: by the extension
  std::uint64_t validation_below = 0;      // split words below it are held out

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

// --- prepare_pipes.cc
inline constexpr char kSpooledName[] = "standard-input-";
// Files that can be read once only, copied to temporary files that vanish with this object.
class SpooledPipes {
 public:
  // Puts the copies of pipes and standard input in their place in job.files.
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
// Name, size and checksum of every file of the corpus.
io::Json sources_json(PrepareJob& job);
// How a store that is there was made otherwise than from `configuration` and `sources`; "" if it was not.
std::string manifest_difference(const io::Json& manifest, const io::Json& configuration,
                                const io::Json& sources);
// Of the tokenizer that a path means (io/tokenizer_source.h).
std::string tokenizer_checksum(const std::string& path);

// --- prepare_letters.cc: what the normalizer deletes
// Warns of more than 1 % of the letters, and refuses more than half, naming the way out.
void check_letters(PrepareJob& job, const text::DeletedCharacters& deleted);
// The same refusal from the beginning of each file, before the work.
void look_at_letters(PrepareJob& job, const text::NormalizerSpec& normalizer);

// --- prepare_tokenizer.cc: pass 1
struct PreparedTokenizer {
  std::string json;  // the tokenizer.json
  text::Tokenizer tokenizer;
  io::Json report;  // for the manifest
};
PreparedTokenizer make_tokenizer(PrepareJob& job);

// --- prepare_together.cc: the text of pass 2, encoded by all processes
struct Encoded {
  std::vector<std::int32_t> ids;
  std::int64_t characters = 0;
  std::int64_t other_letters = 0;  // of the characters, letters outside ASCII
  bool validation = false;
};
// Reads the corpus and gives `take` batches of its documents. All processes read it, in the same batches.
CorpusReader for_each_batch(PrepareJob& job, FunctionRef<void(const std::vector<Document>& batch)> take);
// Each process encodes its part of the batch; all of it at process 0, nothing elsewhere.
std::vector<Encoded> encode_together(const PrepareJob& job, const text::Tokenizer& tokenizer,
                                     const std::vector<Document>& batch);
// What process 0 has found out, for the others, and what these do from then on: nothing where there is
// nothing to encode.
void tell_others(const PrepareJob& job, const std::string& tokenizer_json);
void tell_others_of_nothing();
void help_first(PrepareJob& job);
// InputError for files that can be read once only: process 0 alone has standard input.
void require_files_for_all(const PrepareJob& job);

// --- prepare_encode.cc: pass 2
// Writes out/tokenizer.json and out/tokens.h5; returns the manifest in it: `manifest` with what was found
// added.
io::Json encode_corpus(PrepareJob& job, const PreparedTokenizer& prepared, io::Json manifest);

}  // namespace espalier::data
