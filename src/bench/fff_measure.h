// One row of `bench fff`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "bench/references.h"
#include "bench/tree_layer.h"
#include "bench/tree_problem.h"
#include "espalier/bench/fff.h"

namespace espalier::bench {

// Of the dense layer that trees are compared with, measured on so many tokens at once at least, if there are
// so many.
inline constexpr std::int64_t kReferenceTokens = 2048;

// What the rows of a run share: the machine's speeds.
struct Yardsticks {
  GemmPeak gemm;
  double memory_gb_s = 0;
  std::vector<double> gemm_gflops;  // of every round of every row
};

// Why `row` gets no ratio, given what the check found; empty if it gets one.
std::string refusal(const FffRow& row, const std::string& failure);

// With 0 rounds it only checks. `tamper`, for tests, may change the results before they are checked.
FffRow measure_fff(const TreeCase& size, std::int64_t rounds, Yardsticks& yardsticks,
                   const std::function<void(TreeResults&)>& tamper = nullptr);

}  // namespace espalier::bench
