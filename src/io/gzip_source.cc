#include <zlib.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "io/packed_sources.h"

namespace espalier::io {

namespace {

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
  void step() {
    if (!packed_->see(1)) packed_->fail("truncated: the file ends at", "gzip");
    const auto offered = static_cast<uInt>(packed_->available());
    stream_.next_in = reinterpret_cast<const Bytef*>(packed_->front());
    stream_.avail_in = offered;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    packed_->skip(offered - stream_.avail_in);
    if (result == Z_STREAM_END) return next_member();
    if (result == Z_MEM_ERROR) throw RunError("zlib ran out of memory");
    if (result != Z_OK && result != Z_BUF_ERROR) packed_->fail("damaged at", "gzip");
  }

  // Another member, nothing, or the zeros that tape blocks are padded with.
  void next_member() {
    if (starts_gzip(*packed_)) {
      inflateReset(&stream_);
      return;
    }
    while (packed_->see(1)) {
      if (*packed_->front() != '\0') packed_->fail("something that is not gzip follows the text at", "gzip");
      packed_->skip(1);
    }
    ended_ = true;
  }

  std::unique_ptr<PlainSource> packed_;
  z_stream stream_{};
  bool ended_ = false;
};

}  // namespace

bool starts_gzip(PlainSource& source) {
  return source.starts_with("\x1f\x8b");
}

std::unique_ptr<ByteSource> gzip_source(std::unique_ptr<PlainSource> packed) {
  return std::make_unique<GzipSource>(std::move(packed));
}

}  // namespace espalier::io
