// Lines of text files, plain or packed, one at a time, in bounded memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

namespace espalier::io {

struct LineReaderOptions {
  // A longer line is an InputError naming file and line. This also bounds the memory used.
  std::size_t max_line_bytes = std::size_t{64} << 20U;
};

// Reads a file that is plain, gzip or zstd (told apart by its first bytes, whatever its name; several gzip
// members or zstd frames in a row are one text); the path `-` is standard input. Line ends are "\n" or
// "\r\n"; where the beginning (256 KiB, or up to the first line end) has "\r" and no "\n", a lone "\r" ends a
// line too, as in files of old Macintosh programs. A UTF-8 byte-order mark at the start is dropped. Text is
// UTF-8: UTF-16, UTF-32, archives, pictures and git-lfs pointers are refused by name; other bytes are handed
// on as they are, zeros and what is not UTF-8 included. InputError: no such file, not text, damaged or
// truncated packed data, a line too long. RunError: the system fails to read.
class LineReader {
 public:
  explicit LineReader(const std::filesystem::path& path, const LineReaderOptions& options = {});
  ~LineReader();
  LineReader(LineReader&&) noexcept;
  LineReader& operator=(LineReader&&) noexcept;

  // The next line without its end, valid until the next call; nothing after the last line.
  std::optional<std::string_view> next();
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
