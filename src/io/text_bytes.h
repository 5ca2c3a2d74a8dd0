// The bytes of a text file, unpacked, whose beginning was looked at: one policy of encodings and line ends
// for every reader of text.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "io/byte_source.h"

namespace espalier::io {

class TextBytes {
 public:
  // Looks at the first 256 KiB, and on to the first line end but not past `most_bytes`. InputError: the file
  // is not UTF-8 text (io/file_kind.h), or as open_byte_source.
  TextBytes(const std::filesystem::path& path, std::size_t most_bytes);

  // The next bytes, at most `size` (> 0), without a UTF-8 byte-order mark at the start; 0 at the end.
  std::size_t read(char* data, std::size_t size);

  // Lines end in a lone "\r" here, as files of old Macintosh programs' ("CSV (Macintosh)"): the beginning has
  // such line ends and no "\n".
  bool lone_carriage_returns() const { return lone_carriage_returns_; }

  std::uint64_t file_position() const { return source_->file_position(); }
  std::uint64_t file_bytes() const { return source_->file_bytes(); }

 private:
  void fill_head(std::size_t most_bytes);

  std::unique_ptr<ByteSource> source_;
  std::string head_;
  std::size_t taken_ = 0;  // of head_
  bool lone_carriage_returns_ = false;
};

}  // namespace espalier::io
