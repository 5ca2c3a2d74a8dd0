#include "tests/io/line_support.h"

#include <doctest/doctest.h>

namespace espalier::io::line_testing {

Lines lines_of(const std::filesystem::path& path, const LineReaderOptions& options) {
  LineReader reader(path, options);
  Lines lines;
  while (const auto line = reader.next()) {
    lines.emplace_back(*line);
    CHECK(reader.line_number() == lines.size());
  }
  CHECK(!reader.next().has_value());
  return lines;
}

}  // namespace espalier::io::line_testing
