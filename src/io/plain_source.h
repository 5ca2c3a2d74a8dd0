// A file as it is, through a buffer that can be looked into: what the unpacking sources read from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "io/byte_source.h"
#include "io/file_ops.h"

namespace espalier::io {

class PlainSource : public ByteSource {
 public:
  explicit PlainSource(const std::filesystem::path& path);

  std::size_t read(char* data, std::size_t size) override;
  std::uint64_t file_position() const override { return taken_ - available(); }
  std::uint64_t file_bytes() const override { return size_; }

  // Reads on until `count` bytes (of a buffer of 256 KiB) can be seen; false if the file ends before.
  bool see(std::size_t count);
  bool starts_with(std::string_view bytes);
  const char* front() const { return buffer_.data() + begin_; }
  std::size_t available() const { return end_ - begin_; }
  void skip(std::size_t count) { begin_ += count; }
  const std::filesystem::path& path() const { return path_; }

  // InputError of packed data: "PATH: WHAT byte N of the FORMAT data; ...".
  [[noreturn]] void fail(std::string_view what, const char* format) const;

 private:
  bool refill();

  std::filesystem::path path_;  // for messages
  FileDescriptor file_;
  std::uint64_t size_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t taken_ = 0;
};

}  // namespace espalier::io
