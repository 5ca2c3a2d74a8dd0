// Lines of a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "espalier/io/line_reader.h"

namespace espalier::data {

// Lines, of which those behind the first of a record can be read a second time.
class RecordLines {
 public:
  RecordLines(const std::filesystem::path& path, const io::LineReaderOptions& options)
      : reader_(path, options) {}

  // As io::LineReader's, but BadRecord for a line that is too long.
  std::optional<std::string_view> next();
  std::uint64_t line_number() const { return line_number_; }

  // Keeps the lines that next() gives from here on, until forget() or give_again(), which gives them again.
  void keep() { keeping_ = true; }
  void forget();
  std::size_t give_again();  // how many

  const std::filesystem::path& path() const { return reader_.path(); }
  std::uint64_t file_position() const { return reader_.file_position(); }

 private:
  struct Line {
    std::uint64_t number;
    std::string text;
  };
  io::LineReader reader_;
  std::uint64_t line_number_ = 0;
  bool keeping_ = false;
  std::deque<Line> kept_, again_;
  Line current_;  // of again_
};

}  // namespace espalier::data
