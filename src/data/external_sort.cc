#include "data/external_sort.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <queue>
#include <utility>

#include "espalier/base/error.h"

namespace espalier::data {
namespace {

constexpr std::size_t kWriteBuffer = std::size_t{1} << 20;

std::uint64_t key_of(const std::byte* entry) {
  std::uint64_t key = 0;
  std::memcpy(&key, entry, sizeof(key));
  return key;
}

void check_write(const std::filesystem::path& path, const char* operation, int error) {
  if (error != 0) io::throw_write_failure(path, operation, error);
}

}  // namespace

// The entries of one run, read through a buffer of its own.
class ExternalSorter::RunReader {
 public:
  RunReader(const ExternalSorter& sorter, const Run& run, std::size_t buffer_entries)
      : sorter_(sorter),
        position_(run.begin),
        end_(run.end),
        capacity_(buffer_entries * sorter.entry_bytes_) {
    refill();
  }
  bool done() const { return used_ == buffer_.size(); }
  std::uint64_t key() const { return key_of(buffer_.data() + used_); }
  std::span<const std::byte> record() const {
    return {buffer_.data() + used_ + sizeof(std::uint64_t), sorter_.record_bytes_};
  }
  void advance() {
    used_ += sorter_.entry_bytes_;
    if (used_ == buffer_.size()) refill();
  }

 private:
  void refill() {
    used_ = 0;
    buffer_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(capacity_, end_ - position_)));
    if (buffer_.empty()) return;
    io::read_exactly_at(sorter_.file_, sorter_.path_, position_, buffer_.data(), buffer_.size());
    position_ += buffer_.size();
  }

  const ExternalSorter& sorter_;
  std::uint64_t position_, end_;
  std::size_t capacity_;
  std::vector<std::byte> buffer_;
  std::size_t used_ = 0;
};

ExternalSorter::ExternalSorter(const std::filesystem::path& folder, std::size_t record_bytes,
                               std::size_t memory_bytes)
    : path_(io::temporary_beside(folder / "sort")),
      record_bytes_(record_bytes),
      entry_bytes_(record_bytes + sizeof(std::uint64_t)),
      memory_bytes_(memory_bytes),
      // The order takes four bytes an entry.
      max_buffered_(std::max<std::size_t>(2, memory_bytes / (entry_bytes_ + sizeof(std::uint32_t)))) {
  ESPALIER_CHECK(record_bytes > 0);
  max_buffered_ = std::min<std::size_t>(max_buffered_, UINT32_MAX);
}

void ExternalSorter::add(std::uint64_t key, std::span<const std::byte> record) {
  ESPALIER_CHECK(record.size() == record_bytes_);
  if (buffered() == max_buffered_) write_run();
  // Grown by hand: doubling would take twice the memory for a moment.
  if (buffer_.capacity() < buffer_.size() + entry_bytes_) {
    const std::size_t grown = std::min(max_buffered_, std::max<std::size_t>(1024, buffered() * 3 / 2));
    buffer_.reserve(std::max(grown * entry_bytes_, buffer_.size() + entry_bytes_));
  }
  const auto* bytes = reinterpret_cast<const std::byte*>(&key);
  buffer_.insert(buffer_.end(), bytes, bytes + sizeof(key));
  buffer_.insert(buffer_.end(), record.begin(), record.end());
  ++records_;
}

std::vector<std::uint32_t> ExternalSorter::sorted_order() const {
  std::vector<std::uint32_t> order(buffered());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const std::uint64_t key_a = key_of(entry(a)), key_b = key_of(entry(b));
    return key_a != key_b ? key_a < key_b : a < b;
  });
  return order;
}

void ExternalSorter::open_file() {
  check_write(path_, "open", io::file_ops::create(path_, file_));
  check_write(path_, "unlink", io::file_ops::unlink(path_));
}

void ExternalSorter::write_run() {
  if (!file_.open()) open_file();
  const Run run{file_bytes_, file_bytes_ + buffer_.size()};
  std::vector<std::byte> out;
  out.reserve(kWriteBuffer + entry_bytes_);
  const auto flush = [&] {
    check_write(path_, "write", io::file_ops::write_at(file_.get(), file_bytes_, out.data(), out.size()));
    file_bytes_ += out.size();
    out.clear();
  };
  for (const std::uint32_t i : sorted_order()) {
    out.insert(out.end(), entry(i), entry(i) + entry_bytes_);
    if (out.size() >= kWriteBuffer) flush();
  }
  flush();
  ESPALIER_CHECK(file_bytes_ == run.end);
  runs_.push_back(run);
  buffer_.clear();
}

void ExternalSorter::visit_sorted(Visit visit) {
  if (runs_.empty()) {
    for (const std::uint32_t i : sorted_order()) {
      visit({entry(i) + sizeof(std::uint64_t), record_bytes_});
    }
    return;
  }
  if (!buffer_.empty()) write_run();
  buffer_ = {};
  merge(visit);
}

void ExternalSorter::merge(Visit visit) {
  const std::size_t entries = std::max<std::size_t>(1, memory_bytes_ / runs_.size() / entry_bytes_);
  std::vector<RunReader> readers;
  readers.reserve(runs_.size());
  // Runs hold consecutive parts of the input, so among equal keys the earlier run goes first.
  using Head = std::pair<std::uint64_t, std::size_t>;
  std::priority_queue<Head, std::vector<Head>, std::greater<>> heads;
  for (const Run& run : runs_) {
    readers.emplace_back(*this, run, entries);
    heads.emplace(readers.back().key(), readers.size() - 1);
  }
  while (!heads.empty()) {
    const std::size_t from = heads.top().second;
    heads.pop();
    visit(readers[from].record());
    readers[from].advance();
    if (!readers[from].done()) heads.emplace(readers[from].key(), from);
  }
}

}  // namespace espalier::data
