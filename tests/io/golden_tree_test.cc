// Single tree layers against golden files of the original PyTorch code in double precision
// (tests/golden/README.md). It lives here because the files are safetensors.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "espalier/io/safetensors.h"
#include "espalier/ops/leaf_tree.h"
#include "espalier/ops/neuron_tree.h"
#include "tests/support/support.h"
#include "tests/support/tree_twins.h"

namespace espalier::io {
namespace {

using ops::EntropyForm;
using ops::RoutingMode;
using ops::TreeResult;
using ops::TreeRouting;
using ops::TreeStatistics;

// The float32 run of the original differs from its double twin by up to 1.7e-6 relative to a tensor's largest
// value.
constexpr double kTolerance = 4e-6;

// [..., a, b] -> [..., b, a]
template <class Element>
std::vector<Element> transposed(const std::vector<Element>& values, const Shape& shape) {
  const std::int64_t a = shape[-2], b = shape[-1];
  std::vector<Element> out(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const auto at = static_cast<std::int64_t>(i);
    const std::int64_t matrix = at / (a * b), row = at / b % a, column = at % b;
    out[static_cast<std::size_t>(matrix * a * b + column * a + row)] = values[i];
  }
  return out;
}

// One input of an operation and what the file calls it.
struct Input {
  std::string name;  // after "param/", or "x"
  Shape shape;       // of ours
  bool transpose = false;
};

class GoldenTree {
 public:
  GoldenTree(const std::string& file, std::vector<Input> inputs)
      : reader_(testing::golden_path(file + ".safetensors")), inputs_(std::move(inputs)) {
    for (const Input& input : inputs_) {
      const std::string stored = input.name == "x" ? "input/x" : "param/" + input.name;
      std::vector<float> values = reader_.read_floats(stored);
      if (input.transpose) values = transposed(values, reader_.info(stored).shape);
      variables.emplace_back(Tensor::from(input.shape, values), true);
    }
  }

  void check_value(const Variable& value, const std::string& name) const {
    check(value.value(), "f64/" + name, false);
  }

  // Every gradient under `prefix`, after which they are cleared.
  void check_gradients(const std::string& prefix) {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      INFO(inputs_[i].name);
      REQUIRE(variables[i].grad().defined());
      check(variables[i].grad(), "f64/" + prefix + inputs_[i].name, inputs_[i].transpose);
      variables[i].clear_grad();
    }
  }

  Tensor upstream() const { return reader_.read("input/dy"); }
  std::vector<std::int64_t> ints(const std::string& name) const { return reader_.read_ints(name); }
  std::vector<double> doubles(const std::string& name) const { return reader_.read_doubles("f64/" + name); }

  std::vector<Variable> variables;

 private:
  void check(const Tensor& actual, const std::string& name, bool transpose) const {
    std::vector<double> expected = reader_.read_doubles(name);
    if (transpose) expected = transposed(expected, reader_.info(name).shape);
    double largest = 1e-30;
    for (const double value : expected) largest = std::max(largest, std::abs(value));
    CHECK_MESSAGE(
        testing::max_relative_error(actual.span(), std::span<const double>(expected), largest) < kTolerance,
        name);
  }

  SafetensorsReader reader_;
  std::vector<Input> inputs_;
};

GoldenTree neuron_golden(const std::string& file, int trees, int depth) {
  const std::int64_t rows = trees * ((2 << depth) - 1);
  return {file,
          {{"x", {24, 12}},
           {"linear_in.weight", {rows, 12}},
           {"linear_in.bias", {rows}},
           {"linear_out.weight", {rows, 12}, true}}};
}

GoldenTree leaf_golden(const std::string& file) {
  return {file,
          {{"x", {20, 10}},
           {"node_weights", {7, 10}},
           {"node_biases", {7}},
           {"w1s", {8, 4, 10}, true},
           {"b1s", {8, 4}},
           {"w2s", {8, 4, 10}},
           {"b2s", {8, 10}}}};
}

TreeResult neurons(const std::vector<Variable>& in, int trees, int depth, const TreeRouting& routing,
                   TreeStatistics* statistics = nullptr) {
  return ops::neuron_tree(in[0], in[1], in[2], in[3], trees, depth, routing, true, statistics);
}

TreeResult leaves(const std::vector<Variable>& in, const TreeRouting& routing) {
  return ops::leaf_tree(in[0], {in[1], in[2], in[3], in[4], in[5], in[6]}, {.depth = 3}, routing, true);
}

// Where the decisions of a tree of neurons lead, and the entropy of each level's, by the file's logits.
void check_paths(const GoldenTree& golden, const TreeResult& result, const TreeStatistics& statistics,
                 const TreeRouting& routing) {
  const std::vector<double> logits = golden.doubles("output/logits");
  const auto trees = static_cast<std::size_t>(statistics.trees);
  const std::size_t inner = (std::size_t{1} << statistics.depth) - 1, nodes = 2 * inner + 1;
  std::vector<double> entropy(static_cast<std::size_t>(statistics.depth));
  std::vector<std::int64_t> leaf_tokens(trees * (inner + 1));
  std::vector<std::int32_t> leaf;
  for (std::size_t path = 0; path < logits.size() / nodes; ++path) {
    std::size_t node = 0;
    for (double& sum : entropy) {
      const double logit = logits[path * nodes + node];
      const double right =
          std::clamp(testing::twin_sigmoid(logit / static_cast<double>(routing.temperature)), 1e-6, 1 - 1e-6);
      sum -= right * std::log(right) + (1 - right) * std::log(1 - right);
      node = 2 * node + (logit > 0 ? 2 : 1);
    }
    leaf.push_back(static_cast<std::int32_t>(node - inner));
    ++leaf_tokens[path % trees * (inner + 1) + node - inner];
  }
  CHECK(std::equal(leaf_tokens.begin(), leaf_tokens.end(), statistics.leaf_tokens.begin(),
                   statistics.leaf_tokens.end()));
  for (std::size_t level = 0; level < entropy.size(); ++level)
    CHECK(statistics.entropy[level] == doctest::Approx(entropy[level]).epsilon(kTolerance));
  REQUIRE(result.leaf.defined() == (routing.mode != RoutingMode::kSoft && statistics.depth > 0));
  if (result.leaf.defined()) CHECK(result.leaf.to_vector() == leaf);
}

// Hard decisions of a tree with MLP leaves.
void check_hard(const GoldenTree& golden, const TreeResult& result) {
  golden.check_value(result.output, "output/hard");
  REQUIRE(result.leaf.defined());
  const std::vector<std::int64_t> expected = golden.ints("output/leaf");
  const auto leaf = result.leaf.span();
  CHECK(std::equal(leaf.begin(), leaf.end(), expected.begin(), expected.end()));
}

}  // namespace

TEST_CASE("trees of neurons: the original's hard layer, and straight-through in its dense form") {
  const TreeRouting hard;
  const TreeRouting straight{.mode = RoutingMode::kStraightThrough, .temperature = 0.7F};
  struct Layer {
    const char* file;
    int trees, depth;
    TreeRouting routing;
  };
  for (const Layer& layer :
       {Layer{"layer_hard_2x3", 2, 3, hard}, Layer{"layer_hard_1x5", 1, 5, hard},
        Layer{"layer_hard_7x0", 7, 0, hard}, Layer{"layer_straight_through_2x3", 2, 3, straight},
        Layer{"layer_straight_through_1x5", 1, 5, straight}}) {
    INFO(layer.file);
    GoldenTree golden = neuron_golden(layer.file, layer.trees, layer.depth);
    TreeStatistics statistics;
    const TreeResult result = neurons(golden.variables, layer.trees, layer.depth, layer.routing, &statistics);
    golden.check_value(result.output, "output/y");
    check_paths(golden, result, statistics, layer.routing);
    backward(result.output, golden.upstream());
    golden.check_gradients("grad/");
  }
}

TEST_CASE("trees of neurons: soft decisions and the path-weighted entropy") {
  GoldenTree golden = neuron_golden("layer_soft_2x3", 2, 3);
  const TreeRouting routing{.mode = RoutingMode::kSoft, .temperature = 0.5F, .entropy = true};
  TreeStatistics statistics;
  const TreeResult result = neurons(golden.variables, 2, 3, routing, &statistics);
  golden.check_value(result.output, "output/y");
  check_paths(golden, result, statistics, routing);
  golden.check_value(result.entropy, "entropy/value");
  backward(result.output, golden.upstream());
  golden.check_gradients("grad/");
  backward(neurons(golden.variables, 2, 3, routing).entropy);
  golden.check_gradients("entropy/grad/");
}

TEST_CASE("trees of neurons: what pruning drops, by the original's path weights") {
  const GoldenTree golden = neuron_golden("layer_soft_2x3", 2, 3);
  const std::vector<double> logits = golden.doubles("output/logits"), rho = golden.doubles("output/rho");
  constexpr std::size_t kInner = 7, kNodes = 15;
  for (const double epsilon : {0.05, 0.3}) {
    CAPTURE(epsilon);
    double dropped = 0;
    std::int64_t survivors = 0;
    for (std::size_t root = 0; root < rho.size(); root += kNodes) {
      bool survives[kNodes] = {true};
      for (std::size_t node = 0; node < kInner; ++node) {
        if (!survives[node]) continue;
        for (const bool right : {false, true}) {
          const std::size_t child = 2 * node + (right ? 2 : 1);
          survives[child] = rho[root + child] > epsilon || (logits[root + node] > 0) == right;
          if (!survives[child]) dropped += rho[root + child];
        }
      }
      survivors += std::count(survives, survives + kNodes, true);
    }
    TreeStatistics statistics;
    neurons(golden.variables, 2, 3,
            {.mode = RoutingMode::kSoft, .temperature = 0.5F, .epsilon = static_cast<float>(epsilon)},
            &statistics);
    CHECK(statistics.surviving_nodes == static_cast<double>(survivors));
    CHECK(statistics.dropped_mass == doctest::Approx(dropped).epsilon(kTolerance));
  }
}

TEST_CASE("trees with MLP leaves: soft decisions, both entropies, hard inference") {
  for (const bool published : {true, false}) {
    GoldenTree golden = leaf_golden(published ? "leaf_soft" : "leaf_soft_tau");
    TreeRouting routing{.mode = RoutingMode::kSoft, .temperature = published ? 1.0F : 0.5F, .entropy = true};
    const TreeResult result = leaves(golden.variables, routing);
    golden.check_value(result.output, "output/y");
    golden.check_value(result.entropy, "entropy/value");
    backward(result.output, golden.upstream());
    golden.check_gradients("grad/");
    backward(leaves(golden.variables, routing).entropy);
    golden.check_gradients("entropy/grad/");
    check_hard(golden, leaves(golden.variables, {}));
    if (!published) continue;
    routing.entropy_form = EntropyForm::kAllNodes;
    const Variable entropy = leaves(golden.variables, routing).entropy;
    golden.check_value(entropy, "entropy_all_nodes/value");
    backward(entropy);
    golden.check_gradients("entropy_all_nodes/grad/");
  }
}

TEST_CASE("trees with MLP leaves: straight-through decisions") {
  GoldenTree golden = leaf_golden("leaf_straight_through");
  const TreeResult result =
      leaves(golden.variables, {.mode = RoutingMode::kStraightThrough, .temperature = 0.7F});
  check_hard(golden, result);
  backward(result.output, golden.upstream());
  golden.check_gradients("grad/");
}

}  // namespace espalier::io
