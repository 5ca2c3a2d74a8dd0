#include "data/delimited.h"

#include <fmt/format.h>

#include <optional>

#include "espalier/data/bad_record.h"

namespace espalier::data {
namespace {

// A quote left open would otherwise swallow the rest of any file.
constexpr std::size_t kMaxQuotedBytes = std::size_t{16} << 20;

// For a message: what stands behind a quote may be what separates this file's fields.
const char* other_separator(char found) {
  if (found == ';') return "; a file separated by semicolons is read with the separator semicolon";
  if (found == '\t') return "; a file separated by tabs is read with the separator tab";
  return found == '|' ? "; a file separated by pipes is read with the separator pipe" : "";
}

// The fields of one record, read character by character from `rest_`.
class CsvRecord {
 public:
  CsvRecord(std::string_view line, char separator, RecordLines& lines, std::vector<std::string>& fields)
      : rest_(line),
        separator_(separator),
        first_line_(lines.line_number()),
        lines_(lines),
        fields_(fields) {}

  void split() {
    std::size_t count = 0;
    bool more = true;
    while (more) {
      if (fields_.size() == count) fields_.emplace_back();
      std::string& field = fields_[count++];
      field.clear();
      if (const std::size_t blanks = blanks_ahead(); rest_.substr(blanks).starts_with('"')) {
        rest_.remove_prefix(blanks);
        read_quoted(field);
      } else {
        field = rest_.substr(0, rest_.find(separator_));
        rest_.remove_prefix(field.size());
      }
      more = rest_.starts_with(separator_);
      if (more) rest_.remove_prefix(1);
    }
    fields_.resize(count);
  }

 private:
  // People write `a, "b, c"`.
  std::size_t blanks_ahead() const {
    const std::size_t end = separator_ == ' ' ? 0 : rest_.find_first_not_of(' ');
    return end == rest_.npos ? rest_.size() : end;
  }

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
    const std::string_view behind = rest_.substr(blanks_ahead());
    if (!behind.empty() && behind.front() != separator_) {
      throw BadRecord(lines_.path(), first_line_,
                      fmt::format("expected {} or the line end after the closing quote of a field, found "
                                  "`{}` (a quote inside a quoted field is written twice{})",
                                  separator_ == ',' ? "a comma" : fmt::format("`{}`", separator_),
                                  rest_.substr(0, 20), other_separator(behind.front())));
    }
    rest_ = behind;
  }

  std::optional<std::string_view> next_of_field() {
    try {
      return lines_.next();
    } catch (const BadRecord& record) {  // a line that is too long
      throw BadRecord(
          lines_.path(), first_line_,
          fmt::format("a quoted field goes on into line {}, which is {}", record.line(), record.reason()));
    }
  }

  void next_line(std::string& field, std::uint64_t opened) {
    field += '\n';
    const std::optional<std::string_view> line = next_of_field();
    if (!line || field.size() + line->size() > kMaxQuotedBytes) {
      throw BadRecord(
          lines_.path(), first_line_,
          fmt::format("the quoted field that begins {} is not closed {}",
                      opened == first_line_ ? "here" : fmt::format("in line {}", opened),
                      line ? fmt::format("within {} MiB", kMaxQuotedBytes >> 20) : "before the file ends"));
    }
    rest_ = *line;
  }

  std::string_view rest_;
  char separator_;
  std::uint64_t first_line_;
  RecordLines& lines_;
  std::vector<std::string>& fields_;
};

}  // namespace

void split_plain(std::string_view line, char separator, std::vector<std::string>& fields) {
  std::size_t count = 0;
  while (true) {
    const std::size_t end = line.find(separator);
    if (fields.size() == count) fields.emplace_back();
    fields[count++] = line.substr(0, end);
    if (end == line.npos) break;
    line.remove_prefix(end + 1);
  }
  fields.resize(count);
}

void split_csv(std::string_view line, char separator, RecordLines& lines, std::vector<std::string>& fields) {
  CsvRecord(line, separator, lines, fields).split();
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace espalier::data
