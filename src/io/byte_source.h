// The bytes of a file, unpacked if it is gzip or zstd.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>

namespace espalier::io {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // The next bytes of the text, at most `size` (> 0); 0 at its end.
  virtual std::size_t read(char* data, std::size_t size) = 0;
  // Bytes taken from the file so far, and the file's size.
  virtual std::uint64_t file_position() const = 0;
  virtual std::uint64_t file_bytes() const = 0;
};

// The path `-` stands for standard input, which can be read once; a file of that name is `./-`.
bool is_standard_input(const std::filesystem::path& path);
// The path for messages: "standard input" for `-`.
std::filesystem::path shown_path(const std::filesystem::path& path);

// Opens a file that is plain, gzip or zstd (told by its first bytes), or standard input. InputError: no such
// file, damaged data.
std::unique_ptr<ByteSource> open_byte_source(const std::filesystem::path& path);

}  // namespace espalier::io
