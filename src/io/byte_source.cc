#include "io/byte_source.h"

#include <fmt/format.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "espalier/base/error.h"
#include "io/file_ops.h"

namespace espalier::io {

namespace {

FileDescriptor open_file(const std::filesystem::path& path) {
  if (!is_standard_input(path)) return open_for_reading(path);
  FileDescriptor file(::dup(STDIN_FILENO));
  if (!file.open()) throw InputError("standard input is closed");
  return file;
}

constexpr std::size_t kBufferBytes = std::size_t{256} << 10U;

// The file as it is, through a buffer that can be looked into.
class PlainSource : public ByteSource {
 public:
  explicit PlainSource(const std::filesystem::path& path)
      : path_(shown_path(path)),
        file_(open_file(path)),
        size_(file_size(file_, path_)),
        buffer_(kBufferBytes) {}

  std::size_t read(char* data, std::size_t size) override {
    if (available() == 0 && !refill()) return 0;
    const std::size_t count = std::min(size, available());
    std::memcpy(data, buffer_.data() + begin_, count);
    begin_ += count;
    return count;
  }
  std::uint64_t file_position() const override { return taken_ - available(); }
  std::uint64_t file_bytes() const override { return size_; }

  // Reads on until `count` bytes can be seen; false if the file ends before.
  bool see(std::size_t count) {
    while (available() < count) {
      if (!refill()) return false;
    }
    return true;
  }
  const char* front() const { return buffer_.data() + begin_; }
  std::size_t available() const { return end_ - begin_; }
  void skip(std::size_t count) { begin_ += count; }
  const std::filesystem::path& path() const { return path_; }

 private:
  bool refill() {
    std::memmove(buffer_.data(), buffer_.data() + begin_, available());
    end_ -= begin_;
    begin_ = 0;
    const std::size_t got = read_some(file_, path_, buffer_.data() + end_, buffer_.size() - end_);
    end_ += got;
    taken_ += got;
    return got > 0;
  }

  std::filesystem::path path_;
  FileDescriptor file_;
  std::uint64_t size_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t taken_ = 0;
};

bool starts_gzip(PlainSource& source) {
  return source.see(2) && std::memcmp(source.front(), "\x1f\x8b", 2) == 0;
}

class GzipSource : public ByteSource {
 public:
  explicit GzipSource(std::unique_ptr<PlainSource> packed) : packed_(std::move(packed)) {
    // 15 bits of window, 16: a gzip header is expected.
    if (inflateInit2(&stream_, 15 + 16) != Z_OK) throw RunError("zlib could not be started: out of memory");
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(char* data, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(data);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, 1U << 30U));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted && !ended_) step();
    return wanted - stream_.avail_out;
  }
  std::uint64_t file_position() const override { return packed_->file_position(); }
  std::uint64_t file_bytes() const override { return packed_->file_bytes(); }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw InputError(fmt::format("{}: {} at byte {} of the gzip data", packed_->path().string(), what,
                                 packed_->file_position()));
  }

  void step() {
    if (!packed_->see(1)) fail("truncated: the file ends");
    const auto offered = static_cast<uInt>(packed_->available());
    stream_.next_in = reinterpret_cast<const Bytef*>(packed_->front());
    stream_.avail_in = offered;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    packed_->skip(offered - stream_.avail_in);
    if (result == Z_STREAM_END) return next_member();
    if (result == Z_MEM_ERROR) throw RunError("zlib ran out of memory");
    if (result != Z_OK && result != Z_BUF_ERROR) fail("damaged");
  }

  // Another member, nothing, or the zeros that tape blocks are padded with.
  void next_member() {
    if (starts_gzip(*packed_)) {
      inflateReset(&stream_);
      return;
    }
    while (packed_->see(1)) {
      if (*packed_->front() != '\0') fail("something that is not gzip follows the text");
      packed_->skip(1);
    }
    ended_ = true;
  }

  std::unique_ptr<PlainSource> packed_;
  z_stream stream_{};
  bool ended_ = false;
};

}  // namespace

bool is_standard_input(const std::filesystem::path& path) {
  return path == "-";
}

std::filesystem::path shown_path(const std::filesystem::path& path) {
  return is_standard_input(path) ? std::filesystem::path("standard input") : path;
}

std::unique_ptr<ByteSource> open_byte_source(const std::filesystem::path& path) {
  auto plain = std::make_unique<PlainSource>(path);
  if (!starts_gzip(*plain)) {
    if (path.extension() == ".gz" && plain->see(1)) {
      throw InputError(
          fmt::format("{}: damaged: a .gz file that does not begin as gzip does", path.string()));
    }
    return plain;
  }
  return std::make_unique<GzipSource>(std::move(plain));
}

}  // namespace espalier::io
