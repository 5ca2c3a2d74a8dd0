// Compares everything a layer computed with the plain twin, and counts what the tokens used on the way.
#pragma once

#include <cstdint>
#include <string>

#include "bench/tree_layer.h"
#include "bench/tree_problem.h"

namespace espalier::bench {

struct TreeCheck {
  // Largest difference of a tensor to the twin's, relative to the twin's largest value; over y, dx and the
  // gradients of all weights.
  double max_error = 0;
  std::string worst;    // the tensor it was found in
  std::string failure;  // empty if all is well
  std::int64_t near_ties = 0, tie_flips = 0;
  // Sums over all tokens.
  std::int64_t units = 0, gates = 0, leaves = 0;
  std::int64_t sibling_units = 0, sibling_gates = 0;
  // Distinct rows used, summed over calls.
  std::int64_t distinct_units = 0, distinct_gates = 0;
  double leaves_hit = 0;  // share of all leaves that some token reached
};

// `results` are those of all batches of the problem: gradients of the weights summed over them.
TreeCheck check_tree(const TreeProblem& problem, const TreeResults& results);

// Runs every batch so that check_tree() can compare: the first overwrites what the gradients held, the others
// add to it.
void run_for_check(const TreeProblem& problem, TreeLayer& layer);

}  // namespace espalier::bench
