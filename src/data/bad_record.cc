#include "espalier/data/bad_record.h"

#include <fmt/format.h>

namespace espalier::data {

// A message lists so many lines: enough to find what is wrong with them.
static constexpr std::size_t kListedLines = 10;

BadRecord::BadRecord(const std::filesystem::path& path, std::uint64_t line, const std::string& reason)
    : InputError(fmt::format("{}: line {}: {}", path.string(), line, reason)),
      path_(path),
      line_(line),
      reason_(reason) {}

BadRecord with_way_out(const BadRecord& record, const std::string& setting) {
  const std::string way_out = "; " + setting + " leaves such records out, counted";
  if (setting.empty() || record.reason().ends_with(way_out)) return record;
  return BadRecord(record.path(), record.line(), record.reason() + way_out);
}

void BadRecords::add(const BadRecord& record) {
  if (count_++ == 0) first_reason_ = record.reason();
  if (first_lines_.size() < kListedLines) first_lines_.push_back(record.line());
}

std::string BadRecords::text() const {
  return fmt::format("{} record{} left out (line{} {}{}; {}{})", count_, count_ == 1 ? "" : "s",
                     count_ == 1 ? "" : "s", fmt::join(first_lines_, ", "),
                     count_ > first_lines_.size() ? " ..." : "",
                     count_ == 1 ? "" : "the first: ", first_reason_);
}

}  // namespace espalier::data
