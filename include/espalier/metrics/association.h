// How much two labellings of the same things tell of each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace espalier::metrics {

// log2(p(x, y) / (p(x) p(y))) in bits (Fano, 1961; Church and Hanks, 1990), of counts: `joint` times both,
// `x` and `y` times each, among `all`. None may be 0.
double pointwise_mutual_information(std::int64_t joint, std::int64_t x, std::int64_t y, std::int64_t all);

// Adjusted mutual information (Vinh, Epps and Bailey, 2010) as sklearn.metrics.adjusted_mutual_info_score
// gives it, with the mean of both entropies: 1 for labellings that are the same up to names, about 0 for
// independent ones, whatever the numbers of classes. `table` is the contingency table, row by row, with
// `columns` columns: how many things have class i in one labelling and j in the other. Costs rows * columns *
// the spread of a count that chance gives.
double adjusted_mutual_information(std::span<const std::int64_t> table, std::size_t columns);

}  // namespace espalier::metrics
