#include "cli/prediction_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"

namespace espalier::cli {

namespace {

constexpr std::size_t kBuffer = 1 << 16;

data::TableFormat checked_format(const std::filesystem::path& path) {
  const data::TableFormat format =
      path.extension() == ".gz" ? data::TableFormat::kText : data::table_format(path);
  if (format == data::TableFormat::kText) {
    throw InputError(fmt::format("--output: {}: a table of predictions is written as .tsv, .csv or .jsonl",
                                 path.string()));
  }
  return format;
}

// Numbers as JSON prints them; strings without quotes.
std::string plain(const io::Json& value) {
  return value.is_string() ? value.get<std::string>() : io::json_text(value, -1);
}

}  // namespace

PredictionWriter::PredictionWriter(const std::filesystem::path& path, const std::vector<std::string>& columns,
                                   const std::vector<std::string>& added)
    : format_(checked_format(path)), columns_(columns), added_(added), file_(path) {
  for (const std::string& name : added_) {
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end()) continue;
    throw InputError(fmt::format("--output: the input has a column `{}` already; rename it", name));
  }
  if (format_ == data::TableFormat::kJsonl) return;
  std::vector<std::string> names = columns_;
  names.insert(names.end(), added_.begin(), added_.end());
  write_line(names, 1);
}

void PredictionWriter::write(const data::Row& row, const std::vector<io::Json>& values) {
  if (format_ == data::TableFormat::kJsonl) {
    write_object(row, values);
  } else {
    std::vector<std::string> fields = row.fields;
    for (const std::string& name : columns_) {
      if (row.object.is_null()) break;
      const auto member = row.object.find(name);
      fields.push_back(member == row.object.end() || member->is_null() ? "" : plain(*member));
    }
    for (const io::Json& value : values) fields.push_back(plain(value));
    write_line(fields, row.line);
  }
  if (buffer_.size() >= kBuffer) flush();
}

void PredictionWriter::write_object(const data::Row& row, const std::vector<io::Json>& values) {
  io::Json object = row.object.is_null() ? io::Json::object() : row.object;
  for (std::size_t i = 0; i < row.fields.size(); ++i) object[columns_[i]] = row.fields[i];
  for (std::size_t i = 0; i < values.size(); ++i) object[added_[i]] = values[i];
  buffer_ += io::json_text(object, -1) + "\n";
}

std::string PredictionWriter::field(const std::string& text, std::uint64_t line) const {
  if (format_ == data::TableFormat::kTsv) {
    if (text.find_first_of("\t\n\r") == std::string::npos) return text;
    throw InputError(
        fmt::format("--output: line {} of the input has a tab or a line end in a field, which TSV cannot "
                    "hold; write .csv "
                    "or .jsonl",
                    line));
  }
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

void PredictionWriter::write_line(const std::vector<std::string>& fields, std::uint64_t line) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) buffer_ += format_ == data::TableFormat::kTsv ? '\t' : ',';
    buffer_ += field(fields[i], line);
  }
  buffer_ += '\n';
}

void PredictionWriter::flush() {
  file_.append(buffer_.data(), buffer_.size());
  buffer_.clear();
}

void PredictionWriter::commit() {
  flush();
  file_.commit();
}

}  // namespace espalier::cli
