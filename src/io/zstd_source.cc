#include <fmt/format.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "espalier/base/error.h"
#include "io/packed_sources.h"

namespace espalier::io {

namespace {

// A process is to stay below 2 GB, and a window is memory: 1 GiB at most. What `zstd` makes without --long
// needs 8 MiB, and 128 MiB with it.
constexpr int kLargestWindowLog = 30;

class ZstdSource : public ByteSource {
 public:
  explicit ZstdSource(std::unique_ptr<PlainSource> packed)
      : packed_(std::move(packed)), stream_(ZSTD_createDStream()) {
    const bool good = stream_ != nullptr && ZSTD_isError(ZSTD_DCtx_setParameter(
                                                stream_.get(), ZSTD_d_windowLogMax, kLargestWindowLog)) == 0;
    if (!good) throw RunError("zstd could not be started: out of memory");
  }

  std::size_t read(char* data, std::size_t size) override {
    ZSTD_outBuffer out{data, size, 0};
    while (out.pos == 0 && !ended_) step(out);
    return out.pos;
  }
  std::uint64_t file_position() const override { return packed_->file_position(); }
  std::uint64_t file_bytes() const override { return packed_->file_bytes(); }

 private:
  struct Free {
    void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
  };

  void step(ZSTD_outBuffer& out) {
    if (between_frames_ && !next_frame()) return;
    // Without input too: what did not fit into the last buffer comes out.
    const bool more = packed_->see(1);
    ZSTD_inBuffer in{packed_->front(), packed_->available(), 0};
    const std::size_t result = ZSTD_decompressStream(stream_.get(), &out, &in);
    packed_->skip(in.pos);
    if (ZSTD_isError(result) != 0) refuse(result);
    between_frames_ = result == 0;
    if (!more && out.pos == 0 && !between_frames_) packed_->fail("truncated: the file ends at", "zstd");
  }

  bool next_frame() {
    if (!packed_->see(1)) {
      ended_ = true;
      return false;
    }
    if (!starts_zstd(*packed_)) packed_->fail("something that is not zstd follows the text at", "zstd");
    return true;
  }

  [[noreturn]] void refuse(std::size_t result) const {
    const std::string name = packed_->path().string();
    switch (ZSTD_getErrorCode(result)) {
      case ZSTD_error_memory_allocation:
        throw RunError(fmt::format("{}: zstd ran out of memory", name));
      case ZSTD_error_frameParameter_windowTooLarge:
        throw InputError(fmt::format(
            "{}: its window (zstd --long) takes more than 1 GiB of memory to unpack, the most that "
            "is allowed here; pack it again: zstd -dc --long=31 FILE | zstd -o NEW.zst",
            name));
      case ZSTD_error_dictionary_wrong:
        throw InputError(fmt::format(
            "{}: is packed with a zstd dictionary, which is not in it; unpack it: zstd -d -D DICTIONARY FILE",
            name));
      default:
        // The library does not say how far it came.
        packed_->fail(
            fmt::format("damaged ({}) within {} bytes of", ZSTD_getErrorName(result), packed_->available()),
            "zstd");
    }
  }

  std::unique_ptr<PlainSource> packed_;
  std::unique_ptr<ZSTD_DStream, Free> stream_;
  bool between_frames_ = true;
  bool ended_ = false;
};

}  // namespace

bool starts_zstd(PlainSource& source) {
  if (source.starts_with("\x28\xb5\x2f\xfd")) return true;
  // A skippable frame, which parallel and seekable packers write: 0x184D2A50 to 0x184D2A5F.
  return source.see(4) && (*source.front() & 0xf0) == 0x50 &&
         std::string_view(source.front() + 1, 3) == "\x2a\x4d\x18";
}

std::unique_ptr<ByteSource> zstd_source(std::unique_ptr<PlainSource> packed) {
  return std::make_unique<ZstdSource>(std::move(packed));
}

}  // namespace espalier::io
