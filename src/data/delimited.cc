#include "data/delimited.h"

#include <fmt/format.h>

#include <optional>

#include "espalier/base/error.h"

namespace espalier::data {
namespace {

// A quote left open would otherwise swallow the rest of any file.
constexpr std::size_t kMaxQuotedBytes = std::size_t{16} << 20;

[[noreturn]] void fail(const io::LineReader& lines, std::uint64_t line, const std::string& message) {
  throw InputError(fmt::format("{}: line {}: {}", lines.path().string(), line, message));
}

// The fields of one record, read character by character from `rest_`.
class CsvRecord {
 public:
  CsvRecord(std::string_view line, io::LineReader& lines, std::vector<std::string>& fields)
      : rest_(line), lines_(lines), fields_(fields) {}

  void split() {
    std::size_t count = 0;
    bool more = true;
    while (more) {
      if (fields_.size() == count) fields_.emplace_back();
      std::string& field = fields_[count++];
      field.clear();
      if (rest_.starts_with('"')) {
        read_quoted(field);
      } else {
        const std::size_t comma = rest_.find(',');
        field = rest_.substr(0, comma);
        rest_.remove_prefix(field.size());
      }
      more = rest_.starts_with(',');
      if (more) rest_.remove_prefix(1);
    }
    fields_.resize(count);
  }

 private:
  void read_quoted(std::string& field) {
    const std::uint64_t opened = lines_.line_number();
    rest_.remove_prefix(1);
    while (true) {
      const std::size_t quote = rest_.find('"');
      field += rest_.substr(0, quote);
      if (quote == rest_.npos) {
        next_line(field, opened);
        continue;
      }
      rest_.remove_prefix(quote + 1);
      if (!rest_.starts_with('"')) break;
      field += '"';
      rest_.remove_prefix(1);
    }
    if (!rest_.empty() && rest_.front() != ',') {
      fail(lines_, lines_.line_number(),
           fmt::format("expected a comma or the line end after the closing quote of a field, found `{}` (a "
                       "quote inside a quoted field is written twice)",
                       rest_.substr(0, 20)));
    }
  }

  void next_line(std::string& field, std::uint64_t opened) {
    field += '\n';
    const std::optional<std::string_view> line = lines_.next();
    if (!line || field.size() + line->size() > kMaxQuotedBytes) {
      fail(lines_, opened,
           fmt::format("the quoted field that begins here is not closed {}",
                       line ? fmt::format("within {} MiB", kMaxQuotedBytes >> 20) : "before the file ends"));
    }
    rest_ = *line;
  }

  std::string_view rest_;
  io::LineReader& lines_;
  std::vector<std::string>& fields_;
};

}  // namespace

void split_tabs(std::string_view line, std::vector<std::string>& fields) {
  std::size_t count = 0;
  while (true) {
    const std::size_t tab = line.find('\t');
    if (fields.size() == count) fields.emplace_back();
    fields[count++] = line.substr(0, tab);
    if (tab == line.npos) break;
    line.remove_prefix(tab + 1);
  }
  fields.resize(count);
}

void split_csv(std::string_view line, io::LineReader& lines, std::vector<std::string>& fields) {
  CsvRecord(line, lines, fields).split();
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace espalier::data
