#include "data/table_writer.h"

#include <fmt/format.h>

#include <string_view>

#include "espalier/base/error.h"

namespace espalier::data {
namespace {

void append_tsv(const std::string& field, const std::string& where, std::string& text) {
  if (field.find_first_of("\t\n\r") != std::string::npos) {
    throw InputError(fmt::format(
        "{} has a tab or a line end in a field, which TSV cannot hold; write .csv or .jsonl", where));
  }
  text += field;
}

void append_csv(const std::string& field, std::string& text) {
  if (field.find_first_of(",\"\n\r") == std::string::npos) {
    text += field;
    return;
  }
  text += '"';
  for (const char c : field) text += c == '"' ? std::string_view("\"\"") : std::string_view(&c, 1);
  text += '"';
}

}  // namespace

void append_table_line(TableFormat format, const std::vector<std::string>& fields, const std::string& where,
                       std::string& text) {
  ESPALIER_CHECK(format == TableFormat::kTsv || format == TableFormat::kCsv);
  const bool tsv = format == TableFormat::kTsv;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) text += tsv ? '\t' : ',';
    if (tsv) {
      append_tsv(fields[i], where, text);
    } else {
      append_csv(fields[i], text);
    }
  }
  text += '\n';
}

}  // namespace espalier::data
