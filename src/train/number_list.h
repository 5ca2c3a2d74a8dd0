// Statistics as numbers, for their way from one process to another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "espalier/ops/tree_statistics.h"

namespace espalier::train {

// Counts are whole numbers below 2^53: doubles hold them exactly.
void append(const ops::LayerStatistics& layers, std::vector<double>& numbers);

// Reads what append() wrote, from the front.
class NumberReader {
 public:
  explicit NumberReader(std::span<const double> numbers) : rest_(numbers) {}
  bool done() const { return rest_.empty(); }
  double next();
  std::int64_t next_count() { return static_cast<std::int64_t>(next()); }
  ops::LayerStatistics next_layers();

 private:
  std::span<const double> rest_;
};

// Adds `layers`, of other tokens, to `sum`, layer by layer; `sum` may have none yet.
void add_layers(const ops::LayerStatistics& layers, ops::LayerStatistics& sum);

}  // namespace espalier::train
