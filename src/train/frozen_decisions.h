// Trees whose decisions do not learn.
#pragma once

#include <cstdint>
#include <vector>

#include "espalier/nn/classifier.h"

namespace espalier::train {

// What decides in the trees of a model: of a tree of neurons the input weights and biases of every node above
// the last level (which decides nothing; there, and in all output weights, learning goes on), of a tree with
// MLP leaves all gates. With their gradients cleared before each update and no weight decay they keep their
// values bit for bit. The states they look at still change, and with them a token's path.
class FrozenDecisions {
 public:
  // Nothing is frozen.
  FrozenDecisions() = default;
  explicit FrozenDecisions(nn::SequenceClassifier& model);

  // Sets the gradients of all that decides to zero. After backward(), before the norm is taken.
  void clear_gradients();

 private:
  struct Rows {
    Variable parameter;
    std::int64_t trees = 1;
    std::int64_t rows_a_tree = 0;
    std::int64_t deciding = 0;  // the first rows of each tree
  };
  std::vector<Rows> frozen_;
};

}  // namespace espalier::train
