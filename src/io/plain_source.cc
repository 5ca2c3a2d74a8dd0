#include "io/plain_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "espalier/base/error.h"

namespace espalier::io {

namespace {

constexpr std::size_t kSourceBuffer = std::size_t{256} << 10U;

FileDescriptor open_source(const std::filesystem::path& path) {
  if (!is_standard_input(path)) return open_for_reading(path);
  FileDescriptor file(::dup(STDIN_FILENO));
  if (!file.open()) throw InputError("standard input is closed");
  return file;
}

}  // namespace

PlainSource::PlainSource(const std::filesystem::path& path)
    : path_(shown_path(path)),
      file_(open_source(path)),
      size_(file_size(file_, path_)),
      buffer_(kSourceBuffer) {}

std::size_t PlainSource::read(char* data, std::size_t size) {
  if (available() == 0 && !refill()) return 0;
  const std::size_t count = std::min(size, available());
  std::memcpy(data, front(), count);
  skip(count);
  return count;
}

bool PlainSource::see(std::size_t count) {
  while (available() < count) {
    if (!refill()) return false;
  }
  return true;
}

bool PlainSource::starts_with(std::string_view bytes) {
  return see(bytes.size()) && std::string_view(front(), bytes.size()) == bytes;
}

void PlainSource::fail(std::string_view what, const char* format) const {
  throw InputError(fmt::format("{}: {} byte {} of the {} data; copy or download the file again",
                               path_.string(), what, file_position(), format));
}

bool PlainSource::refill() {
  std::memmove(buffer_.data(), front(), available());
  end_ -= begin_;
  begin_ = 0;
  const std::size_t got = read_some(file_, path_, buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  taken_ += got;
  return got > 0;
}

}  // namespace espalier::io
