#include "espalier/io/line_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "espalier/base/error.h"
#include "io/text_bytes.h"

namespace espalier::io {

namespace {
constexpr std::size_t kFirstBuffer = std::size_t{256} << 10U;
}  // namespace

struct LineReader::State {
  std::filesystem::path path;
  std::size_t max_line_bytes = 0;
  std::optional<TextBytes> source;
  std::vector<char> buffer;
  std::size_t begin = 0;    // of the line to come
  std::size_t scanned = 0;  // bytes after `begin` known to hold no line end
  std::size_t end = 0;      // of the bytes in the buffer
  std::uint64_t line_number = 0;
  char last_end = '\n';  // of the line before
  bool at_end = false;

  // Makes room behind `end` and reads; sets at_end when nothing is left.
  void refill() {
    if (begin > 0) {
      std::memmove(buffer.data(), buffer.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    // "\r\n" is not counted as part of the line.
    const std::size_t limit = max_line_bytes + 2;
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

  // The first line end in `length` bytes at `from`; null if there is none.
  const char* find_end(const char* from, std::size_t length) const {
    if (length == 0) return nullptr;
    if (!source->lone_carriage_returns()) return static_cast<const char*>(std::memchr(from, '\n', length));
    const char* found = std::find_if(from, from + length, [](char c) { return c == '\r' || c == '\n'; });
    return found == from + length ? nullptr : found;
  }

  std::string_view take(std::size_t length, std::size_t with_end) {
    std::string_view line(buffer.data() + begin, length);
    begin += with_end;
    scanned = 0;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() > max_line_bytes) too_long();
    ++line_number;
    return line;
  }
};

LineReader::LineReader(const std::filesystem::path& path, const LineReaderOptions& options)
    : state_(std::make_unique<State>()) {
  state_->path = shown_path(path);
  state_->max_line_bytes = options.max_line_bytes;
  state_->source.emplace(path, options.max_line_bytes);
  state_->buffer.resize(std::min(kFirstBuffer, options.max_line_bytes + 2));
}

LineReader::~LineReader() = default;
LineReader::LineReader(LineReader&&) noexcept = default;
LineReader& LineReader::operator=(LineReader&&) noexcept = default;

std::optional<std::string_view> LineReader::next() {
  State& s = *state_;
  while (true) {
    const char* from = s.buffer.data() + s.begin + s.scanned;
    if (const char* found = s.find_end(from, s.end - s.begin - s.scanned)) {
      const std::size_t length = s.scanned + static_cast<std::size_t>(found - from);
      // The second half of a "\r\n" among lone carriage returns.
      const bool half = length == 0 && *found == '\n' && s.last_end == '\r';
      s.last_end = *found;
      if (!half) return s.take(length, length + 1);
      ++s.begin;
      continue;
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
