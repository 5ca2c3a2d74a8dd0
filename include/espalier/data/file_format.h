// What a file of texts holds, by its extension: one rule for corpora, labelled tables and texts to run a
// model on.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace espalier::data {

enum class TableFormat {
  kTsv,    // fields between tabs, quotes are text (the style of GLUE), first line names the columns
  kCsv,    // RFC 4180: commas, "quoted ""fields""" that may hold line ends, first line names the columns
  kJsonl,  // one object a line; the keys of the first object are the columns
  kText,   // one text a line, the only column is `text`
};

// "tsv", "csv", "jsonl" (or "ndjson"), "txt": as the formats are called where a person names one.
std::optional<TableFormat> format_named(const std::string& name);

// By the last extension alone, in any case; none for any other.
std::optional<TableFormat> format_by_extension(const std::filesystem::path& path);

// Whether the name ends in .gz or .zst, in any case.
bool names_packed(const std::filesystem::path& path);

// By the extension .tsv, .csv, .jsonl (or .ndjson), .txt in any case, also before .gz or .zst. InputError for
// any other, with the way out for .json and Parquet; standard input (`-`) has none.
TableFormat table_format(const std::filesystem::path& path);

}  // namespace espalier::data
