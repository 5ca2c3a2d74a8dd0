#include "text/trie.h"

#include <algorithm>
#include <limits>

#include "espalier/base/error.h"

namespace espalier::text {

// Places nodes depth first, each node's children in the first gap that takes them all.
class Trie::Builder {
 public:
  Builder(std::vector<Unit>& units, std::vector<Entry> entries)
      : units_(units), entries_(std::move(entries)) {
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.first < b.first; });
  }

  void run() {
    units_.assign(kAlphabet + 1, Unit{});
    used_.assign(units_.size(), 0);
    used_[kRoot] = 1;
    std::vector<Range> open = {{kRoot, 0, entries_.size(), 0}};
    while (!open.empty()) {
      const Range range = open.back();
      open.pop_back();
      place_children(range, open);
    }
    units_.shrink_to_fit();
  }

 private:
  static constexpr std::size_t kAlphabet = 256;
  // How far a gap is looked for before the array just grows: bounds the time of construction.
  static constexpr std::size_t kSearch = 2048;

  // The entries that share their first `depth` bytes, which lead to `node`.
  struct Range {
    std::int32_t node;
    std::size_t begin;
    std::size_t end;
    std::size_t depth;
  };

  void place_children(const Range& range, std::vector<Range>& open) {
    std::size_t begin = range.begin;
    Unit& node = units_[static_cast<std::size_t>(range.node)];
    while (begin < range.end && entries_[begin].first.size() == range.depth) {
      if (node.value == kNone) node.value = entries_[begin].second;
      ++begin;
    }
    labels_.clear();
    const std::size_t first = open.size();
    for (std::size_t i = begin; i < range.end; ++i) {
      const auto label = static_cast<unsigned char>(entries_[i].first[range.depth]);
      if (labels_.empty() || labels_.back() != label) {
        labels_.push_back(label);
        open.push_back({0, i, i, range.depth + 1});
      }
      open.back().end = i + 1;
    }
    if (labels_.empty()) return;
    const std::size_t base = find_base();
    ESPALIER_CHECK(base <= std::numeric_limits<std::int32_t>::max() - kAlphabet);
    units_[static_cast<std::size_t>(range.node)].base = static_cast<std::int32_t>(base);
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      used_[base + labels_[i]] = 1;
      units_[base + labels_[i]].parent = range.node;
      open[first + i].node = static_cast<std::int32_t>(base + labels_[i]);
    }
  }

  // The smallest base near the end of the array where all labels fall on free units.
  std::size_t find_base() {
    while (used_[first_free_] != 0) grow_to(++first_free_);
    if (used_.size() > kSearch) first_free_ = std::max(first_free_, used_.size() - kSearch);
    for (std::size_t unit = std::max<std::size_t>(first_free_, labels_.front() + 1U);; ++unit) {
      const std::size_t base = unit - labels_.front();
      grow_to(base + kAlphabet);
      const auto is_free = [&](unsigned char label) { return used_[base + label] == 0; };
      if (std::all_of(labels_.begin(), labels_.end(), is_free)) return base;
    }
  }

  void grow_to(std::size_t unit) {
    if (unit < units_.size()) return;
    units_.resize(unit + 1);
    used_.resize(unit + 1, 0);
  }

  std::vector<Unit>& units_;
  std::vector<Entry> entries_;
  std::vector<char> used_;
  std::vector<unsigned char> labels_;
  std::size_t first_free_ = 1;
};

Trie::Trie(std::span<const Entry> entries) {
  Builder(units_, {entries.begin(), entries.end()}).run();
}

std::int32_t Trie::descend(std::string_view prefix) const {
  std::int32_t node = kRoot;
  for (const char byte : prefix) {
    node = step(node, byte);
    if (node == kNone) break;
  }
  return node;
}

std::int32_t Trie::find(std::string_view key) const {
  const std::int32_t node = descend(key);
  return node == kNone ? kNone : value(node);
}

}  // namespace espalier::text
