#include "cli/prediction_writer.h"

#include <fmt/format.h>

#include <algorithm>

#include "data/table_writer.h"
#include "espalier/base/error.h"

namespace espalier::cli {

namespace {

constexpr std::size_t kBuffer = 1 << 16;

data::TableFormat checked_format(const std::filesystem::path& path) {
  const auto format = data::format_by_extension(path);
  if (!format || *format == data::TableFormat::kText) {
    throw InputError(fmt::format("--output: {}: a table of predictions is written as .tsv, .csv or .jsonl",
                                 path.string()));
  }
  return *format;
}

// Numbers as JSON prints them; strings without quotes.
std::string field_text(const io::Json& value) {
  return value.is_string() ? value.get<std::string>() : io::json_text(value, -1);
}

}  // namespace

PredictionWriter::PredictionWriter(const std::filesystem::path& path, const std::vector<std::string>& columns,
                                   const std::vector<std::string>& added)
    : format_(checked_format(path)), columns_(columns), added_(added), file_(path) {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (std::find(columns_.begin(), columns_.begin() + static_cast<std::ptrdiff_t>(i), columns_[i]) ==
        columns_.begin() + static_cast<std::ptrdiff_t>(i)) {
      continue;
    }
    throw InputError(fmt::format("--output: two columns of the input are named `{}`; give each its own name",
                                 columns_[i]));
  }
  for (const std::string& name : added_) {
    if (std::find(columns_.begin(), columns_.end(), name) == columns_.end()) continue;
    throw InputError(fmt::format("--output: the input has a column `{}` already; rename it", name));
  }
  if (format_ == data::TableFormat::kJsonl) return;
  std::vector<std::string> names = columns_;
  names.insert(names.end(), added_.begin(), added_.end());
  data::append_table_line(format_, names, "--output: the header", buffer_);
}

void PredictionWriter::write(const data::Row& row, const std::vector<io::Json>& values) {
  if (format_ == data::TableFormat::kJsonl) {
    write_object(row, values);
  } else {
    std::vector<std::string> fields = row.fields;
    if (!row.object.is_null()) require_known_keys(row);
    for (const std::string& name : columns_) {
      if (row.object.is_null()) break;
      const auto member = row.object.find(name);
      fields.push_back(member == row.object.end() || member->is_null() ? "" : field_text(*member));
    }
    for (const io::Json& value : values) fields.push_back(field_text(value));
    data::append_table_line(format_, fields, fmt::format("--output: line {} of the input", row.line),
                            buffer_);
  }
  if (buffer_.size() >= kBuffer) flush();
}

// The columns of a table are those of the header, which is written before the later objects are read.
void PredictionWriter::require_known_keys(const data::Row& row) const {
  for (const auto& item : row.object.items()) {
    if (std::find(columns_.begin(), columns_.end(), item.key()) != columns_.end()) continue;
    throw InputError(fmt::format(
        "--output: line {} of the input has the key `{}`, which none of the first objects has, so "
        "the table's header does not; write .jsonl",
        row.line, item.key()));
  }
}

void PredictionWriter::write_object(const data::Row& row, const std::vector<io::Json>& values) {
  io::Json object = row.object.is_null() ? io::Json::object() : row.object;
  for (std::size_t i = 0; i < row.fields.size(); ++i) object[columns_[i]] = row.fields[i];
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (object.contains(added_[i])) {  // of an object behind those that the columns were taken from
      throw InputError(fmt::format("--output: line {} of the input has a key `{}` already; rename it",
                                   row.line, added_[i]));
    }
    object[added_[i]] = values[i];
  }
  buffer_ += io::json_text(object, -1) + "\n";
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
