// What the leaves of a run's trees read, as `espalier trees --output RUN/trees.json` wrote it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "espalier/model/tree_reading.h"
#include "report/run_folder.h"

namespace espalier::report {

struct TreeLeaves {
  std::vector<std::int64_t> counts;         // tokens of each leaf, from the left
  std::vector<model::LeafReading> largest;  // at most kLargestLeaves, those with most tokens first
};

inline constexpr std::size_t kLargestLeaves = 16;

struct LayerLeaves {
  model::LayerReading layer;                 // without its leaves
  std::map<std::int64_t, TreeLeaves> trees;  // by their numbers
};

struct RunLeaves {
  std::string label, written;   // of the run; when the file was
  model::TreesReading reading;  // without its layers
  std::vector<LayerLeaves> layers;
};

// In memory that does not grow with the lists of the file. Nothing where there is no such file; one that
// cannot be read is noted.
std::optional<RunLeaves> read_leaves(RunFolder& run);

}  // namespace espalier::report
