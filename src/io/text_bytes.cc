#include "io/text_bytes.h"

#include <algorithm>
#include <cstring>

#include "io/file_kind.h"

namespace espalier::io {

namespace {

constexpr std::size_t kHeadBytes = std::size_t{256} << 10U;

// Enough was seen to tell how lines end: a "\r" at the very end may be half of "\r\n".
bool shows_line_end(const std::string& head) {
  const std::size_t found = head.find_first_of("\r\n");
  return found != head.npos && head.back() != '\r';
}

}  // namespace

TextBytes::TextBytes(const std::filesystem::path& path, std::size_t most_bytes)
    : source_(open_byte_source(path)) {
  fill_head(most_bytes);
  require_text(head_, path);
  if (head_.starts_with("\xEF\xBB\xBF")) taken_ = 3;
  lone_carriage_returns_ = head_.find('\r') != head_.npos && head_.find('\n') == head_.npos;
}

void TextBytes::fill_head(std::size_t most_bytes) {
  std::size_t filled = 0;
  std::size_t wanted = kHeadBytes;
  while (true) {
    head_.resize(wanted);
    std::size_t got = 1;
    while (filled < wanted && (got = source_->read(head_.data() + filled, wanted - filled)) > 0)
      filled += got;
    head_.resize(filled);
    if (got == 0 || shows_line_end(head_) || filled >= most_bytes) return;
    wanted = std::max(kHeadBytes, std::min(filled * 2, most_bytes));
  }
}

std::size_t TextBytes::read(char* data, std::size_t size) {
  if (taken_ == head_.size()) {
    if (!head_.empty()) head_ = std::string();
    taken_ = 0;
    return source_->read(data, size);
  }
  const std::size_t count = std::min(size, head_.size() - taken_);
  std::memcpy(data, head_.data() + taken_, count);
  taken_ += count;
  return count;
}

}  // namespace espalier::io
