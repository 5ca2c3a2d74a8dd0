#include "text/trie.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "espalier/base/philox.h"

namespace espalier::text {

namespace {

// Random strings over few letters, so that many share prefixes.
std::string random_key(const Philox& random, std::uint64_t index, std::uint64_t longest, int letters) {
  std::string key;
  const auto length =
      static_cast<std::uint64_t>(random.uniform(index * 64) * static_cast<float>(longest + 1));
  for (std::uint64_t i = 0; i < length; ++i) {
    const int letter = static_cast<int>(random.uniform(index * 64 + 1 + i) * static_cast<float>(letters));
    key.push_back(static_cast<char>(250 + letter));
  }
  return key;
}

}  // namespace

TEST_CASE("finds exactly its keys, and the longest one a text begins with") {
  const Philox random(5, RandomStream::kTest);
  std::map<std::string, std::int32_t> twin;
  for (std::uint64_t i = 0; i < 3000; ++i)
    twin.try_emplace(random_key(random, i, 12, 3), static_cast<int>(i));
  for (std::uint64_t i = 3000; i < 6000; ++i)
    twin.try_emplace(random_key(random, i, 4, 250), static_cast<int>(i));
  std::vector<Trie::Entry> entries(twin.begin(), twin.end());
  const Trie trie(entries);
  for (const auto& [key, value] : twin) CHECK(trie.find(key) == value);
  int absent = 0;
  for (std::uint64_t i = 6000; i < 12000; ++i) {
    const std::string text = random_key(random, i, 14, 3);
    absent += twin.contains(text) ? 0 : 1;
    CHECK(trie.find(text) == (twin.contains(text) ? twin.at(text) : Trie::kNone));
    Trie::Match expected;
    for (std::size_t length = 1; length <= text.size(); ++length) {
      const auto found = twin.find(text.substr(0, length));
      if (found != twin.end()) expected = {found->second, length};
    }
    const Trie::Match match = trie.longest(text);
    CHECK(match.value == expected.value);
    CHECK(match.length == expected.length);
  }
  CHECK(absent > 1000);
}

TEST_CASE("an empty trie has nothing; of equal keys the first counts; the empty key is one") {
  const Trie empty;
  CHECK(empty.find("") == Trie::kNone);
  CHECK(empty.find("\xFF") == Trie::kNone);
  CHECK(empty.longest("abc").length == 0);
  const std::vector<Trie::Entry> entries = {{"a", 1}, {"", 7}, {"a", 2}, {std::string_view("\0b", 2), 3}};
  const Trie trie(entries);
  CHECK(trie.find("a") == 1);
  CHECK(trie.find("") == 7);
  CHECK(trie.find(std::string_view("\0b", 2)) == 3);
  CHECK(trie.longest("zz").length == 0);
}

TEST_CASE("matching may start below a prefix") {
  const std::vector<Trie::Entry> entries = {{"##a", 1}, {"##abc", 2}, {"b", 3}};
  const Trie trie(entries);
  const std::int32_t node = trie.descend("##");
  REQUIRE(node != Trie::kNone);
  CHECK(trie.longest("abx", node).value == 1);
  CHECK(trie.longest("abcx", node).length == 3);
  CHECK(trie.longest("b", node).length == 0);
  CHECK(trie.descend("#a") == Trie::kNone);
}

TEST_CASE("one very long key does not exhaust the stack") {
  const std::string key(2'000'000, 'k');
  const std::vector<Trie::Entry> entries = {{key, 4}, {std::string_view(key).substr(1), 5}};
  const Trie trie(entries);
  CHECK(trie.find(key) == 4);
  CHECK(trie.longest(key + "x").length == key.size());
}

}  // namespace espalier::text
