// The documents of a text corpus, one at a time, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace espalier::data {

// The files that shell patterns (* ? [...]) name: those of a pattern sorted by byte, patterns in their order,
// no file twice. A path that exists is taken literally. InputError names a pattern that matches nothing, a
// folder, or a file that is not .txt, .txt.gz, .jsonl or .jsonl.gz.
std::vector<std::filesystem::path> expand_globs(const std::vector<std::string>& patterns);

struct Document {
  std::string text;  // paragraphs, with a line end between them
  std::size_t file = 0;
  std::uint64_t line = 0;  // where it begins, from 1
};

struct CorpusOptions {
  // A longer document is cut in pieces, at a line end if there is one, else at a blank, else between
  // characters. Each piece is a document of its own.
  std::size_t max_document_bytes = std::size_t{1} << 20;
};

struct CorpusCounts {
  std::int64_t documents = 0;      // handed out, pieces included
  std::int64_t bytes = 0;          // of their text
  std::int64_t cut_documents = 0;  // longer than the limit
  std::int64_t pieces = 0;         // that they were cut into
  std::int64_t empty = 0;          // JSON lines whose text is blank; left out
  std::int64_t invalid_utf8 = 0;   // documents with bytes that are not UTF-8 (the tokenizer replaces these)
};

// .txt: one paragraph a line, blank lines between documents; a file without blank lines is one document.
// .jsonl: one object a line, whose `text` is a document. Either may be packed with gzip. Bytes are handed on
// as they are, NUL bytes and invalid UTF-8 included. InputError: a JSON line that is not an object with a
// string `text` (file, line, what was expected); damaged gzip data; a line above 64 MiB.
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
  // Bytes of the files (packed, if gzip) consumed so far and in all: for progress.
  std::uint64_t position() const;
  std::uint64_t total_bytes() const;
  // Size of a file on disk.
  std::uint64_t file_bytes(std::size_t file) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace espalier::data
