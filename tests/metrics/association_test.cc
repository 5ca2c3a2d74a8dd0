// Mutual information against scikit-learn and numpy (tests/golden/README.md).
#include "espalier/metrics/association.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "espalier/io/json.h"
#include "tests/support/support.h"

namespace espalier::metrics {

TEST_CASE("adjusted mutual information equals scikit-learn's") {
  const io::Json golden = io::read_json(testing::golden_path("association.json"));
  CHECK(golden["labellings"].size() == 10);
  for (const io::Json& row : golden["labellings"]) {
    INFO(row["name"].get<std::string>());
    std::vector<std::int64_t> table;
    for (const io::Json& line : row["table"]) {
      for (const io::Json& count : line) table.push_back(count.get<std::int64_t>());
    }
    const double found = adjusted_mutual_information(table, row["table"][0].size());
    // Its sum over factorials is exact to nine digits or so.
    CHECK(std::abs(found - row["adjusted_mutual_information"].get<double>()) <= 1e-9);
  }
}

TEST_CASE("adjusted mutual information does not mind which labelling comes first, nor empty classes") {
  const std::vector<std::int64_t> table = {5, 0, 1, 0, 7, 2, 0, 0, 0}, turned = {5, 0, 0, 7, 1, 2};
  CHECK(adjusted_mutual_information(table, 3) == doctest::Approx(adjusted_mutual_information(turned, 2)));
}

TEST_CASE("pointwise mutual information in bits") {
  CHECK(pointwise_mutual_information(10, 20, 40, 160) == 1);
  const io::Json words = io::read_json(testing::golden_path("association.json"))["words"];
  const auto counts = words["counts"].get<std::vector<std::vector<std::int64_t>>>();
  std::int64_t all = 0;
  std::vector<std::int64_t> leaves(counts.size()), ids(counts[0].size());
  for (std::size_t leaf = 0; leaf < counts.size(); ++leaf) {
    for (std::size_t id = 0; id < ids.size(); ++id) {
      leaves[leaf] += counts[leaf][id];
      ids[id] += counts[leaf][id];
      all += counts[leaf][id];
    }
  }
  int compared = 0;
  for (std::size_t leaf = 0; leaf < counts.size(); ++leaf) {
    for (std::size_t id = 0; id < ids.size(); ++id) {
      if (counts[leaf][id] == 0) continue;
      const double found = pointwise_mutual_information(counts[leaf][id], leaves[leaf], ids[id], all);
      CHECK(std::abs(found - words["bits"][leaf][id].get<double>()) <= 1e-12);
      ++compared;
    }
  }
  CHECK(compared > 20);
}

}  // namespace espalier::metrics
