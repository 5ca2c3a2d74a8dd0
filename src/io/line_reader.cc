#include "espalier/io/line_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "espalier/base/error.h"
#include "io/byte_source.h"

namespace espalier::io {

namespace {
constexpr std::size_t kFirstBuffer = std::size_t{256} << 10U;
}  // namespace

struct LineReader::State {
  std::filesystem::path path;
  std::size_t max_line_bytes = 0;
  std::unique_ptr<ByteSource> source;
  std::vector<char> buffer;
  std::size_t begin = 0;    // of the line to come
  std::size_t scanned = 0;  // bytes after `begin` known to hold no line end
  std::size_t end = 0;      // of the bytes in the buffer
  std::uint64_t line_number = 0;
  bool at_end = false;

  // Makes room behind `end` and reads; sets at_end when nothing is left.
  void refill() {
    if (begin > 0) {
      std::memmove(buffer.data(), buffer.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    // "\r\n" and a byte-order mark are not counted as part of the line.
    const std::size_t limit = max_line_bytes + 5;
    if (end == buffer.size() && buffer.size() >= limit) too_long();
    if (end == buffer.size()) buffer.resize(std::min(limit, buffer.size() * 2));
    const std::size_t got = source->read(buffer.data() + end, buffer.size() - end);
    end += got;
    at_end = got == 0;
  }

  [[noreturn]] void too_long() const {
    throw InputError(
        fmt::format("{}: line {} is longer than {} bytes", path.string(), line_number + 1, max_line_bytes));
  }

  std::string_view take(std::size_t length, std::size_t with_end) {
    std::string_view line(buffer.data() + begin, length);
    begin += with_end;
    scanned = 0;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line_number == 0 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
    if (line.size() > max_line_bytes) too_long();
    ++line_number;
    return line;
  }
};

LineReader::LineReader(const std::filesystem::path& path, const LineReaderOptions& options)
    : state_(std::make_unique<State>()) {
  state_->path = path;
  state_->max_line_bytes = options.max_line_bytes;
  state_->source = open_byte_source(path);
  state_->buffer.resize(std::min(kFirstBuffer, options.max_line_bytes + 5));
}

LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

std::optional<std::string_view> LineReader::next() {
  State& s = *state_;
  while (true) {
    const char* from = s.buffer.data() + s.begin + s.scanned;
    const std::size_t left = s.end - s.begin - s.scanned;
    const void* found = left == 0 ? nullptr : std::memchr(from, '\n', left);
    if (found != nullptr) {
      const std::size_t length = s.scanned + static_cast<std::size_t>(static_cast<const char*>(found) - from);
      return s.take(length, length + 1);
    }
    s.scanned = s.end - s.begin;
    if (!s.at_end) s.refill();
    if (s.at_end && s.scanned == s.end - s.begin) break;
  }
  const std::size_t rest = s.end - s.begin;
  if (rest == 0) return std::nullopt;
  return s.take(rest, rest);
}

std::uint64_t LineReader::line_number() const {
  return state_->line_number;
}
std::uint64_t LineReader::file_position() const {
  return state_->source->file_position();
}
std::uint64_t LineReader::file_bytes() const {
  return state_->source->file_bytes();
}
const std::filesystem::path& LineReader::path() const {
  return state_->path;
}

}  // namespace espalier::io
