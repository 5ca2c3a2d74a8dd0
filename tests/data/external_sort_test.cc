#include "data/external_sort.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "espalier/base/error.h"
#include "espalier/base/philox.h"
#include "io/fault.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

struct Item {
  std::uint64_t key;
  std::uint64_t number;  // in the order of adding
  bool operator==(const Item&) const = default;
};

// `count` items with keys below `keys`, through a sorter with the given memory.
std::vector<Item> sorted(std::size_t count, std::uint32_t keys, std::size_t memory, std::size_t& runs) {
  const testing::TempDir dir;
  ExternalSorter sorter(dir.path(), sizeof(Item), memory);
  const Philox random(1, RandomStream::kTest);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Item item{random.below(i, keys), i};
    sorter.add(item.key, std::as_bytes(std::span(&item, 1)));
  }
  std::vector<Item> result;
  sorter.visit_sorted([&](std::span<const std::byte> record) {
    Item item{};
    std::memcpy(&item, record.data(), sizeof(item));
    result.push_back(item);
  });
  runs = sorter.runs();
  CHECK(sorter.records() == static_cast<std::int64_t>(count));
  CHECK(std::filesystem::is_empty(dir.path()));
  return result;
}

bool in_order(const std::vector<Item>& items) {
  return std::is_sorted(items.begin(), items.end(), [](const Item& a, const Item& b) {
    return a.key != b.key ? a.key < b.key : a.number < b.number;
  });
}

}  // namespace

TEST_CASE("in memory, in several runs, and with room for two records: the same stable order") {
  std::size_t runs = 0;
  const auto in_memory = sorted(5000, 37, 1 << 20, runs);
  CHECK(runs == 0);
  CHECK(in_memory.size() == 5000);
  CHECK(in_order(in_memory));
  CHECK(sorted(5000, 37, 20000, runs) == in_memory);
  CHECK(runs == 8);  // 714 entries of 28 bytes each
  CHECK(sorted(500, 37, 1, runs).size() == 500);
  CHECK(runs == 250);
}

TEST_CASE("nothing and one") {
  std::size_t runs = 0;
  CHECK(sorted(0, 5, 1000, runs).empty());
  CHECK(sorted(1, 5, 1000, runs).size() == 1);
}

TEST_CASE("a folder that cannot be written to is named") {
  ExternalSorter sorter("/nonexistent/folder", sizeof(Item), 1);
  const Item item{1, 2};
  const auto record = std::as_bytes(std::span(&item, 1));
  sorter.add(1, record);
  sorter.add(2, record);
  const std::string message = testing::error_of([&] { sorter.add(3, record); });
  CHECK(message.starts_with("/nonexistent/folder/sort.tmp-"));
  CHECK(message.ends_with(": could not be written: open: No such file or directory"));
}

TEST_CASE("a full disk is reported with the reason, and nothing stays behind") {
  const testing::TempDir dir;
  const io::ScopedFault full({io::Fault::kDiskFull, 3, 0});
  ExternalSorter sorter(dir.path(), sizeof(Item), 100 * sizeof(Item));
  const Item item{1, 2};
  const std::string message = testing::error_of([&] {
    for (int i = 0; i < 200; ++i) sorter.add(1, std::as_bytes(std::span(&item, 1)));
  });
  CHECK(message.ends_with(
      ": could not be written: write: No space left on device (free some space, or write to another disk)"));
  CHECK(std::filesystem::is_empty(dir.path()));
}

}  // namespace espalier::data
