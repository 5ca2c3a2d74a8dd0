#include "espalier/data/file_format.h"

#include <fmt/format.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "io/file_kind.h"

namespace espalier::data {

namespace {

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  return text;
}

std::string way_out(const std::string& extension) {
  if (extension == ".json") {
    return "; a .json file is one document: write one object a line (.jsonl), as with jq -c '.[]' or pandas' "
           "to_json(orient='records', lines=True)";
  }
  if (extension == ".parquet") return fmt::format("; it {}", io::kIsParquet);
  if (extension == ".arrow" || extension == ".feather") {
    return "; write it as JSON lines first, as with pandas' to_json(orient='records', lines=True)";
  }
  if (extension == ".xlsx" || extension == ".xls" || extension == ".ods") {
    return "; save the spreadsheet as CSV in UTF-8";
  }
  if (extension == ".zip" || extension == ".bz2" || extension == ".xz") {
    return "; only gzip and zstd are unpacked on the way: unpack it first";
  }
  return "";
}

}  // namespace

std::optional<TableFormat> format_named(const std::string& name) {
  if (name == "tsv") return TableFormat::kTsv;
  if (name == "csv") return TableFormat::kCsv;
  if (name == "jsonl" || name == "ndjson") return TableFormat::kJsonl;
  if (name == "txt") return TableFormat::kText;
  return std::nullopt;
}

std::optional<TableFormat> format_by_extension(const std::filesystem::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return extension.empty() ? std::nullopt : format_named(extension.substr(1));
}

bool names_packed(const std::filesystem::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return extension == ".gz" || extension == ".zst";
}

TableFormat table_format(const std::filesystem::path& path) {
  if (path == "-") throw InputError("-: standard input and output cannot be used here; name a file");
  if (std::filesystem::is_directory(path)) {
    throw InputError(fmt::format("{}: is a folder, expected a file", path.string()));
  }
  std::filesystem::path name = path.filename();
  if (names_packed(path)) name = name.stem();
  if (const auto format = format_by_extension(name)) return *format;
  const std::string extension = lower_case(name.extension().string());
  throw InputError(fmt::format(
      "{}: the extension says what a file holds: expected .tsv, .csv, .jsonl (or .ndjson) or .txt (with "
      ".gz or .zst behind it if packed), found `{}`{}",
      path.string(), extension, way_out(extension)));
}

}  // namespace espalier::data
