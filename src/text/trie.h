// A double-array trie over byte strings (Aoe 1989): one addition and one comparison a byte.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace espalier::text {

class Trie {
 public:
  static constexpr std::int32_t kRoot = 0;
  static constexpr std::int32_t kNone = -1;

  Trie() : Trie(std::span<const Entry>()) {}
  // Keys with their values (>= 0). Of equal keys the first counts.
  using Entry = std::pair<std::string_view, std::int32_t>;
  explicit Trie(std::span<const Entry> entries);

  // The node reached from `node` by one byte, or kNone.
  std::int32_t step(std::int32_t node, char byte) const {
    const std::int32_t next = units_[static_cast<std::size_t>(node)].base + static_cast<unsigned char>(byte);
    return units_[static_cast<std::size_t>(next)].parent == node ? next : kNone;
  }
  // The value of the key that ends at `node`, or kNone.
  std::int32_t value(std::int32_t node) const { return units_[static_cast<std::size_t>(node)].value; }

  // The node of a prefix, or kNone if no key begins with it.
  std::int32_t descend(std::string_view prefix) const;
  // The value of exactly this key, or kNone.
  std::int32_t find(std::string_view key) const;

  // The longest key that `text` begins with, started at `node`. An empty key is not looked for.
  struct Match {
    std::int32_t value = kNone;
    std::size_t length = 0;
  };
  Match longest(std::string_view text, std::int32_t node = kRoot) const {
    Match match;
    for (std::size_t i = 0; i < text.size(); ++i) {
      node = step(node, text[i]);
      if (node == kNone) break;
      if (value(node) >= 0) match = {value(node), i + 1};
    }
    return match;
  }

 private:
  struct Unit {
    std::int32_t base = 0;  // the child by byte b is unit base + b, if that unit's parent is this one
    std::int32_t parent = kNone;
    std::int32_t value = kNone;
  };
  class Builder;

  std::vector<Unit> units_;
};

}  // namespace espalier::text
