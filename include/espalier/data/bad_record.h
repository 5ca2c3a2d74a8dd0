// Lines and rows that cannot be read: stop at the first, or leave them out, counted.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "espalier/base/error.h"

namespace espalier::data {

enum class OnBadRecord { kStop, kSkip };

// The record that begins in this line cannot be used, but the next one can be read.
class BadRecord : public InputError {
 public:
  // what() is "PATH: line N: reason".
  BadRecord(const std::filesystem::path& path, std::uint64_t line, const std::string& reason);

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t line() const { return line_; }
  const std::string& reason() const { return reason_; }

 private:
  std::filesystem::path path_;
  std::uint64_t line_;
  std::string reason_;
};

// The record with a reason that says how to leave such records out: by `setting`, unless that is empty or the
// reason says so already.
BadRecord with_way_out(const BadRecord& record, const std::string& setting);

// Those that were left out of one file.
class BadRecords {
 public:
  void add(const BadRecord& record);

  std::uint64_t count() const { return count_; }
  // "3 records left out (lines 4, 9, 12; the first: expected 2 columns ..., found 1)".
  std::string text() const;

 private:
  std::uint64_t count_ = 0;
  std::vector<std::uint64_t> first_lines_;
  std::string first_reason_;
};

}  // namespace espalier::data
