// A user's program: trains a soft tree with MLP leaves to tell two spirals apart, hardens it, and checks that
// the hard tree still does. Leaf 16, depth 3, entropy weight 0.1, as in the notebook of "Fast Feedforward
// Networks".
#include <espalier/base/philox.h>
#include <espalier/nn/fff.h>
#include <espalier/ops/cross_entropy.h>
#include <espalier/ops/elementwise.h>
#include <espalier/ops/shape.h>
#include <espalier/optim/adamw.h>

#include <cmath>
#include <cstdio>
#include <numbers>

using namespace espalier;

namespace {

constexpr std::int64_t kPoints = 1000;
constexpr int kSteps = 1500;

struct Spirals {
  Tensor points = Tensor::empty({kPoints, 2});
  IntTensor labels = IntTensor::empty({kPoints});
};

// Points of one turn and a quarter, alternating between the arms, with a little noise.
Spirals make_spirals(std::uint64_t seed) {
  const Philox random(seed, RandomStream::kTest);
  Spirals spirals;
  for (std::int64_t i = 0; i < kPoints; ++i) {
    const auto index = static_cast<std::uint64_t>(3 * i);
    const int arm = static_cast<int>(i % 2);
    const double turn = std::sqrt(random.uniform(index)) * 2.5 * std::numbers::pi;
    const double angle = turn + arm * std::numbers::pi;
    float* point = spirals.points.data() + 2 * i;
    point[0] = static_cast<float>(turn / 4 * std::cos(angle)) + 0.02F * random.normal(index + 1);
    point[1] = static_cast<float>(turn / 4 * std::sin(angle)) + 0.02F * random.normal(index + 2);
    spirals.labels.data()[i] = arm;
  }
  return spirals;
}

double accuracy(nn::Fff& tree, const Spirals& spirals, ops::RoutingMode mode) {
  const NoGradGuard no_grad;
  nn::ForwardContext context;
  context.routing.mode = mode;
  const Tensor logits = tree.forward(Variable(spirals.points), context).value();
  int correct = 0;
  for (std::int64_t i = 0; i < kPoints; ++i) {
    const float* row = logits.data() + 2 * i;
    if ((row[1] > row[0] ? 1 : 0) == spirals.labels.data()[i]) ++correct;
  }
  return static_cast<double>(correct) / kPoints;
}

void train(nn::Fff& tree, const Spirals& spirals) {
  optim::AdamW optimizer(tree.parameters(), {.beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0});
  for (int step = 0; step < kSteps; ++step) {
    nn::ForwardContext context;
    context.training = true;
    context.routing.mode = ops::RoutingMode::kSoft;
    context.routing.entropy = true;
    context.routing.entropy_form = ops::EntropyForm::kAllNodes;
    tree.clear_gradients();
    const Variable loss = ops::cross_entropy(tree.forward(Variable(spirals.points), context), spirals.labels);
    const Variable entropy = ops::reshape(context.entropies.at(0), loss.shape());
    backward(ops::add(loss, ops::scale(entropy, 0.1F)));
    optimizer.step(1e-2, 1.0);
  }
}

}  // namespace

int main() {
  nn::FeedForwardOptions options;
  options.type = nn::FeedForwardType::kLeafTree;
  options.depth = 3;
  options.leaf_width = 16;
  nn::Fff tree(options, 2, 2);
  tree.init_uniform(1);
  train(tree, make_spirals(1));
  const Spirals unseen = make_spirals(2);
  const double soft = accuracy(tree, unseen, ops::RoutingMode::kSoft);
  const double hard = accuracy(tree, unseen, ops::RoutingMode::kHard);
  std::printf("two spirals, unseen points: %.1f %% with the soft tree, %.1f %% with the hard tree\n",
              100 * soft, 100 * hard);
  return soft > 0.95 && hard > 0.9 ? 0 : 1;
}
