// Sorting more records than fit in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "espalier/base/parallel.h"
#include "io/file_ops.h"

namespace espalier::data {

// Records of one size with a key each. Memory stays within `memory_bytes` (of records, keys and order); what
// is above goes in sorted runs to one temporary file in `folder`, as large as all records with their keys.
// The file loses its name as soon as it is open, so nothing is left behind. RunError if it cannot be written.
class ExternalSorter {
 public:
  using Visit = FunctionRef<void(std::span<const std::byte>)>;

  ExternalSorter(const std::filesystem::path& folder, std::size_t record_bytes, std::size_t memory_bytes);
  ExternalSorter(const ExternalSorter&) = delete;
  ExternalSorter& operator=(const ExternalSorter&) = delete;

  void add(std::uint64_t key, std::span<const std::byte> record);
  // Visits every record, smallest key first, equal keys in the order they were added. Once, at the end.
  void visit_sorted(Visit visit);

  std::int64_t records() const { return records_; }
  // Sorted runs on disk: 0 if everything fitted.
  std::size_t runs() const { return runs_.size(); }

 private:
  struct Run {
    std::uint64_t begin, end;  // in the file
  };
  class RunReader;

  std::size_t buffered() const { return buffer_.size() / entry_bytes_; }
  const std::byte* entry(std::size_t i) const { return buffer_.data() + i * entry_bytes_; }
  std::vector<std::uint32_t> sorted_order() const;
  void write_run();
  void merge(Visit visit);
  void open_file();

  std::filesystem::path path_;  // of the temporary file
  std::size_t record_bytes_;
  std::size_t entry_bytes_;  // key and record
  std::size_t memory_bytes_;
  std::size_t max_buffered_;
  std::vector<std::byte> buffer_;
  std::vector<Run> runs_;
  std::int64_t records_ = 0;
  std::uint64_t file_bytes_ = 0;
  io::FileDescriptor file_;
};

}  // namespace espalier::data
