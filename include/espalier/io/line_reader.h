// Lines of text files, plain or packed, one at a time, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "espalier/base/error.h"

namespace espalier::io {

struct LineReaderOptions {
  // This bounds the memory used.
  std::size_t max_line_bytes = std::size_t{64} << 20U;
  // A longer line: a LongLine, or handed out in pieces, each but the last about as long as that.
  bool cut_long_lines = false;
  std::filesystem::path shown = {};  // in messages, where it is another than the file's own
};

// A line too long to be read; next() goes on behind it.
class LongLine : public InputError {
 public:
  LongLine(const std::filesystem::path& path, std::uint64_t line, std::size_t max_line_bytes);

  std::uint64_t line() const { return line_; }
  // "longer than 67108864 bytes"
  const std::string& reason() const { return reason_; }

 private:
  std::uint64_t line_;
  std::string reason_;
};

// Reads a file that is plain, gzip or zstd (told apart by its first bytes, whatever its name; several gzip
// members or zstd frames in a row are one text); the path `-` is standard input. Line ends are "\n" or
// "\r\n"; where the beginning (256 KiB, or up to the first line end) has "\r" and no "\n", a lone "\r" ends a
// line too, as in files of old Macintosh programs. A UTF-8 byte-order mark at the start is dropped. Text is
// UTF-8: UTF-16, UTF-32, archives, pictures and git-lfs pointers are refused by name; other bytes are handed
// on as they are, zeros and what is not UTF-8 included. InputError: no such file, not text, damaged or
// truncated packed data; LongLine. RunError: the system fails to read.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path, const LineReaderOptions& options = {});
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  // The next line (or piece) without its end, valid until the next call; nothing after the last line.
  std::optional<std::string_view> next();
  // Whether what next() gave last is a piece of a line that goes on.
  bool goes_on() const;
  // Number of the line that next() gave last, from 1.
  std::uint64_t line_number() const;
  // Bytes of the file (packed, if it is) consumed so far, and its size: for progress.
  std::uint64_t file_position() const;
  std::uint64_t file_bytes() const;
  // "standard input" for `-`: for messages.
  const std::filesystem::path& path() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace espalier::io
