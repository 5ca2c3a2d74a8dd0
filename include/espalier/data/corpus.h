// The documents of a text corpus, one at a time, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "espalier/data/bad_record.h"
#include "espalier/data/file_format.h"

namespace espalier::data {

// How `text.files` are read.
struct CorpusOptions {
  // A longer document is cut in pieces, at a line end if there is one, else at a blank, else between
  // characters. Each piece is a document of its own.
  std::size_t max_document_bytes = std::size_t{1} << 20;
  // The key or column of the text in .jsonl, .csv and .tsv.
  std::string field = "text";
  // Of all files, whatever their extensions.
  std::optional<TableFormat> format = std::nullopt;
  // Of .csv and .tsv: what stands between fields, if not what the extension says, and whether the first line
  // names the columns, which else go by number.
  std::optional<char> separator = std::nullopt;
  bool header = true;
  OnBadRecord on_bad_record = OnBadRecord::kStop;
  std::vector<std::filesystem::path> shown =
      {};  // the files in messages, where these are not their own paths
};

struct Document {
  std::string text;  // paragraphs, with a line end between them
  std::size_t file = 0;
  std::uint64_t line = 0;  // where it begins, from 1
};

struct CorpusCounts {
  std::int64_t documents = 0;      // handed out, pieces included
  std::int64_t bytes = 0;          // of their text
  std::int64_t cut_documents = 0;  // longer than the limit
  std::int64_t pieces = 0;         // that they were cut into
  std::int64_t empty = 0;          // records whose text is blank; left out
  std::int64_t invalid_utf8 =
      0;  // documents with bytes that are not UTF-8 (replaced, here or by the tokenizer)
  std::string first_invalid_utf8;  // "FILE: line N" of the first of them
  std::int64_t bad_records = 0;    // left out
};

// .txt: one paragraph a line, blank lines between documents; a file without blank lines is one document.
// .jsonl (or .ndjson): one object a line, whose `field` is a document. .csv, .tsv: a row each, the text in
// the column `field`. Any of them may be packed with gzip or zstd. Bytes of .txt, .csv and .tsv are handed on
// as they are, NUL bytes and invalid UTF-8 included; in JSON what is not UTF-8 becomes U+FFFD. A record
// without a text (no such key, null, not JSON, half a surrogate pair, a row with too few fields) stops with a
// BadRecord, an InputError that names file, line and the way out, or is left out and counted, as is one above
// 64 MiB. Of several files those without a record are passed over. InputError too: damaged packed data; a
// table without the column; the only file has no row.
class CorpusReader {
 public:
  explicit CorpusReader(std::vector<std::filesystem::path> files, const CorpusOptions& options = {});
  ~CorpusReader();
  CorpusReader(CorpusReader&&) noexcept;
  CorpusReader& operator=(CorpusReader&&) noexcept;

  // The next document, into memory that is reused; false after the last.
  bool next(Document& document);
  // Goes on with the next file.
  void skip_file();

  const CorpusCounts& counts() const;
  // "FILE: 3 records left out (lines ...)" of each file that had bad ones, and which of several have nothing.
  const std::vector<std::string>& left_out() const;
  // Bytes of the files (packed, if they are) consumed so far and in all: for progress.
  std::uint64_t position() const;
  std::uint64_t total_bytes() const;
  // Size of a file on disk.
  std::uint64_t file_bytes(std::size_t file) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace espalier::data
