// The one place where the gradients of an update's groups become one gradient: that of all processes.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "espalier/autograd/variable.h"
#include "espalier/nn/module.h"
#include "espalier/processes/gradient_exchange.h"

namespace espalier::train {

// The sum over the groups of an update, of which each process computes its share: within a group in the order
// in which gradients are added, over the groups by processes/summation_tree.h. So the bits depend on the
// number of groups, not on that of processes.
//
// One group is summed where backward passes leave it, in the parameters. With more, those done before are
// kept beside: log2(groups of this process) times the gradient at most.
class GradientSum {
 public:
  // `model` must outlive the sum. Of its parameters those that require a gradient now.
  explicit GradientSum(nn::Module& model);

  // An update of so many groups.
  void begin(std::int64_t groups);
  // Groups that this process computes, in order; none where there are more processes than groups.
  processes::Range own() const { return own_; }
  // Adds the gradient of a part of the group that is being computed; the backward pass frees its graph. With
  // the last part of the last own group the gradients go on their way as the pass completes them.
  void add(const Variable& objective, bool last);
  // The group that was added to is complete; not called after the last own one.
  void keep_group(std::int64_t group);
  // The sum is in the parameters.
  void finish();

 private:
  // The gradient of some groups.
  struct Kept {
    processes::Range range;
    Tensors gradients;  // one a parameter; undefined: zeros
  };
  // One group, computed here: the sum is where backward passes leave it.
  bool is_plain() const { return groups_ == 1 && !exchange_; }
  void complete(std::size_t parameter);
  std::size_t index_of(const Variable& leaf) const;

  nn::Module& model_;
  std::vector<Variable> parameters_;
  std::unique_ptr<processes::GradientExchange> exchange_;  // where there are other processes
  std::int64_t groups_ = 1;
  processes::Range own_;
  PoolVector<Kept> kept_;
  std::vector<bool> complete_;  // by parameter, of the last own group
};

}  // namespace espalier::train
