#include "espalier/io/line_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "espalier/base/error.h"
#include "io/text_bytes.h"
#include "text/utf8.h"

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
  bool cut_long_lines = false;
  bool goes_on = false;   // the line whose piece was handed out last
  bool dropping = false;  // what is left of a line too long

  // Makes room behind `end` and reads; sets at_end when nothing is left.
  void refill() {
    if (begin > 0) {
      std::memmove(buffer.data(), buffer.data() + begin, end - begin);
      end -= begin;
      begin = 0;
    }
    // "\r\n" is not counted as part of the line.
    const std::size_t limit = max_line_bytes + 2;
    if (end == buffer.size() && buffer.size() >= limit) {
      dropping = true;
      begin = end;
      too_long(line_number + 1);
    }
    if (end == buffer.size()) buffer.resize(std::min(limit, buffer.size() * 2));
    const std::size_t got = source->read(buffer.data() + end, buffer.size() - end);
    end += got;
    at_end = got == 0;
  }

  [[noreturn]] void too_long(std::uint64_t line) {
    line_number = line;
    scanned = 0;
    throw LongLine(path, line, max_line_bytes);
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
    if (!goes_on) ++line_number;
    goes_on = false;
    if (line.size() > max_line_bytes && !cut_long_lines) too_long(line_number);
    return line;
  }

  // Of a line whose end is not in sight; the last character may have its other half still to come.
  std::string_view take_piece() {
    const std::string_view there(buffer.data() + begin, end - begin);
    const std::size_t last = text::previous_code_point(there, there.size());
    const std::string_view piece = last + 4 >= there.size() ? there.substr(0, last) : there;  // else no UTF-8
    begin += piece.size();
    scanned = 0;
    if (!goes_on) ++line_number;
    goes_on = true;
    return piece;
  }
};

LongLine::LongLine(const std::filesystem::path& path, std::uint64_t line, std::size_t max_line_bytes)
    : InputError(fmt::format("{}: line {} is longer than {} bytes", path.string(), line, max_line_bytes)),
      line_(line),
      reason_(fmt::format("longer than {} bytes", max_line_bytes)) {}

LineReader::LineReader(const std::filesystem::path& path, const LineReaderOptions& options)
    : state_(std::make_unique<State>()) {
  state_->path = shown_path(options.shown.empty() ? path : options.shown);
  state_->cut_long_lines = options.cut_long_lines;
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
      const bool half = length == 0 && *found == '\n' && s.last_end == '\r' && !s.goes_on;
      s.last_end = *found;
      if (!half && !s.dropping) return s.take(length, length + 1);
      s.dropping = false;
      s.begin += length + 1;
      s.scanned = 0;
      continue;
    }
    if (s.dropping) s.begin = s.end;
    s.scanned = s.end - s.begin;
    if (s.cut_long_lines && s.scanned >= s.max_line_bytes) return s.take_piece();
    if (!s.at_end) s.refill();
    if (s.at_end && s.scanned == s.end - s.begin) break;
  }
  const std::size_t rest = s.end - s.begin;
  if (rest == 0) return std::nullopt;
  return s.take(rest, rest);
}

bool LineReader::goes_on() const {
  return state_->goes_on;
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
