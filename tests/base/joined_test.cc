#include "base/joined.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace espalier {

TEST_CASE("a list in a message says how many more there are") {
  const std::vector<std::string> words = {"a", "b", "c"};
  CHECK(listed(words, 3) == "a, b, c");
  CHECK(listed(words, 2) == "a, b and 1 more");
  CHECK(listed(words, 2, "; ", [](const std::string& word) { return "`" + word + "`"; }) ==
        "`a`; `b` and 1 more");
  CHECK(listed(std::vector<std::string>(), 2).empty());
  CHECK(joined(words, "; ") == "a; b; c");
}

}  // namespace espalier
