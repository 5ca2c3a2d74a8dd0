// The sum of all processes' gradients, added in the fixed order of summation_tree.h, so that the same bits
// come out for any number of processes. Never MPI_Allreduce's: the order of its sums changes with the number
// of processes and of elements (measured: Open MPI 4.1, 5.0).
//
// Gradients are exchanged in chunks, in the order in which a backward pass completes them (the reverse of the
// parameters'), while it still runs. Each chunk has one process that adds it: the others send theirs and get
// the sum. Runs of 64 zeros are not sent (rows of trees and embeddings that no token touched).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "espalier/processes/summation_tree.h"

namespace espalier::processes {

class SumExchange;

class GradientExchange {
 public:
  // `sizes`: elements of each parameter.
  explicit GradientExchange(std::vector<std::int64_t> sizes);
  ~GradientExchange();
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  // Begins an update whose gradient is the sum over `groups` parts, shared out by share_of().
  void begin(std::int64_t groups);
  // Parameter `index` is complete here: its sums over sums_of(own share), in order (null: zeros), and where
  // the sum of all goes, which may be the first of them. `memory` holds what these point to. It is kept until
  // wait() returns, and for good where an error ends the update before: messages may still be under way.
  void ready(std::size_t index, std::span<const float* const> own, float* sum,
             std::shared_ptr<const void> memory);
  // Returns when all sums are there. Every parameter is ready by then.
  void wait();

 private:
  std::unique_ptr<SumExchange> exchange_;
  std::vector<std::shared_ptr<const void>> memory_;
};

}  // namespace espalier::processes
