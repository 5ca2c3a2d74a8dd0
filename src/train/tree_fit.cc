#include "train/tree_fit.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "espalier/ops/neuron_tree.h"

namespace espalier::train {
namespace {

// Below it a direction is that of noise.
constexpr std::size_t kLeastTokens = 32;
// A mean counts as if so many tokens had that of the node above.
constexpr double kPriorTokens = 8;
constexpr int kPowerIterations = 4;
// Tokens times levels that the fit of all trees may cost: some seconds a layer.
constexpr std::int64_t kTokenLevels = 1 << 20;
constexpr std::int64_t kFewestRows = 2048;

constexpr std::int64_t kLanes = 16;

double dot(std::int64_t n, const float* a, const float* b) {
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += a[i + lane] * b[i + lane];
  }
  double sum = 0;
  for (; i < n; ++i) sum += static_cast<double>(a[i] * b[i]);
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

void add_scaled(std::int64_t n, float factor, const float* a, float* y) {
  for (std::int64_t i = 0; i < n; ++i) y[i] += factor * a[i];
}

// To length 1; false where it has none.
bool normalize(std::vector<float>& v) {
  const auto n = static_cast<std::int64_t>(v.size());
  const double norm = std::sqrt(dot(n, v.data(), v.data()));
  if (!(norm > 0)) return false;
  for (float& value : v) value = static_cast<float>(static_cast<double>(value) / norm);
  return true;
}

double gelu(double x) {
  return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
}

// One tree on some rows of x and of what is left of y.
class Growth {
 public:
  Growth(const Tensor& x, Tensor& left, std::int64_t first, std::int64_t count, int depth, TreeWeights& tree)
      : x_(x), left_(left), depth_(depth), tree_(tree), rows_(static_cast<std::size_t>(count)) {
    std::iota(rows_.begin(), rows_.end(), first);
    grow(0, 0, std::span(rows_), std::vector<float>(static_cast<std::size_t>(outputs())),
         std::vector<float>(static_cast<std::size_t>(width())));
  }

 private:
  using Rows = std::span<std::int64_t>;

  std::int64_t width() const { return x_.shape()[1]; }
  std::int64_t outputs() const { return left_.shape()[1]; }
  const float* x(std::int64_t row) const { return x_.data() + row * width(); }
  float* left(std::int64_t row) { return left_.data() + row * outputs(); }

  // The mean of `matrix` over rows, with so much of that of the node above.
  static std::vector<float> mean(const Tensor& matrix, Rows rows, const std::vector<float>& above) {
    const auto width = static_cast<std::int64_t>(above.size());
    std::vector<float> sum(above.size());
    add_scaled(width, static_cast<float>(kPriorTokens), above.data(), sum.data());
    for (const std::int64_t row : rows) add_scaled(width, 1.0F, matrix.data() + row * width, sum.data());
    const auto count = static_cast<float>(static_cast<double>(rows.size()) + kPriorTokens);
    for (float& value : sum) value /= count;
    return sum;
  }

  // The unit direction u that maximizes |left^T (x - mean) u|, by power iteration.
  bool direction(Rows rows, const std::vector<float>& x_mean, std::vector<float>& u) {
    std::vector<float> v(static_cast<std::size_t>(outputs()));
    const std::int64_t longest =
        *std::max_element(rows.begin(), rows.end(), [&](std::int64_t a, std::int64_t b) {
          return dot(outputs(), left(a), left(a)) < dot(outputs(), left(b), left(b));
        });
    v.assign(left(longest), left(longest) + outputs());
    for (int i = 0; i < kPowerIterations; ++i) {
      if (!normalize(v)) return false;
      std::fill(u.begin(), u.end(), 0.0F);
      double total = 0;
      for (const std::int64_t row : rows) {
        const double along = dot(outputs(), left(row), v.data());
        add_scaled(width(), static_cast<float>(along), x(row), u.data());
        total += along;
      }
      add_scaled(width(), static_cast<float>(-total), x_mean.data(), u.data());
      if (!normalize(u)) return false;
      const double center = dot(width(), x_mean.data(), u.data());
      std::fill(v.begin(), v.end(), 0.0F);
      for (const std::int64_t row : rows) {
        add_scaled(outputs(), static_cast<float>(dot(width(), x(row), u.data()) - center), left(row),
                   v.data());
      }
    }
    return true;
  }

  // Sets the node's input row: from the median of the rows on, in units of the standard deviation.
  void decide_by(std::int64_t node, Rows rows, const std::vector<float>& u) {
    std::vector<double> along;
    double sum = 0, squares = 0;
    for (const std::int64_t row : rows) {
      along.push_back(dot(width(), x(row), u.data()));
      sum += along.back();
      squares += along.back() * along.back();
    }
    const auto count = static_cast<double>(along.size());
    const double deviation = std::sqrt(std::max(squares / count - sum * sum / (count * count), 1e-12));
    const auto middle = along.begin() + static_cast<std::ptrdiff_t>(along.size() / 2);
    std::nth_element(along.begin(), middle, along.end());
    float* weights = tree_.w_in.data() + node * width();
    for (std::int64_t j = 0; j < width(); ++j)
      weights[j] = static_cast<float>(static_cast<double>(u[static_cast<std::size_t>(j)]) / deviation);
    tree_.bias.data()[node] = static_cast<float>(-*middle / deviation);
  }

  double logit(std::int64_t node, std::int64_t row) const {
    return dot(width(), x(row), tree_.w_in.data() + node * width()) +
           static_cast<double>(tree_.bias.data()[node]);
  }

  // The least squares output of a node, taken off what is left.
  void give(std::int64_t node, Rows rows) {
    float* out = tree_.w_out.data() + node * outputs();
    std::vector<float> active;
    double squares = 0;
    for (const std::int64_t row : rows) {
      active.push_back(static_cast<float>(gelu(logit(node, row))));
      squares += static_cast<double>(active.back()) * static_cast<double>(active.back());
      add_scaled(outputs(), active.back(), left(row), out);
    }
    const auto factor = static_cast<float>(squares > 0 ? 1 / squares : 0);
    for (std::int64_t j = 0; j < outputs(); ++j) out[j] *= factor;
    for (std::size_t i = 0; i < rows.size(); ++i) add_scaled(outputs(), -active[i], out, left(rows[i]));
  }

  void be_constant(std::int64_t node, const std::vector<float>& value) {
    std::fill_n(tree_.w_in.data() + node * width(), width(), 0.0F);
    tree_.bias.data()[node] = 1.0F;
    add_scaled(outputs(), static_cast<float>(1 / gelu(1)), value.data(),
               tree_.w_out.data() + node * outputs());
  }

  void grow(std::int64_t node, int level, Rows rows, const std::vector<float>& y_above,
            const std::vector<float>& x_above) {
    std::fill_n(tree_.w_out.data() + node * outputs(), outputs(), 0.0F);
    if (level == depth_) return be_constant(node, mean(left_, rows, y_above));
    const std::vector<float> x_mean = mean(x_, rows, x_above);
    std::vector<float> u(static_cast<std::size_t>(width()));
    if (rows.size() >= kLeastTokens && direction(rows, x_mean, u)) {
      decide_by(node, rows, u);
      give(node, rows);
    } else {
      tree_.bias.data()[node] =
          static_cast<float>(-dot(width(), x_mean.data(), tree_.w_in.data() + node * width()));
    }
    const std::vector<float> y_mean = mean(left_, rows, y_above);
    const auto right = std::stable_partition(rows.begin(), rows.end(),
                                             [&](std::int64_t row) { return !(logit(node, row) > 0); });
    const auto split = static_cast<std::size_t>(right - rows.begin());
    grow(2 * node + 1, level + 1, rows.first(split), y_mean, x_mean);
    grow(2 * node + 2, level + 1, rows.subspan(split), y_mean, x_mean);
  }

  const Tensor& x_;
  Tensor& left_;
  int depth_;
  TreeWeights& tree_;
  std::vector<std::int64_t> rows_;
};

}  // namespace

void grow_trees(const Tensor& x, Tensor& y, const ops::TreeSize& size, TreeWeights& weights) {
  const NoGradGuard no_grad;
  const std::int64_t rows = x.shape()[0], nodes = size.nodes_per_tree();
  const std::int64_t affordable = std::max(kTokenLevels / size.path_nodes(), kFewestRows);
  const std::int64_t part = std::min(affordable, rows);
  for (std::int64_t tree = 0; tree < size.trees; ++tree) {
    // Each on other rows than the one before, where there are enough: what a tree has learnt by heart of its
    // rows is no news to the next.
    const std::int64_t first = tree * part % (rows - part + 1);
    TreeWeights own{weights.w_in.slice_rows(tree * nodes, (tree + 1) * nodes),
                    weights.bias.slice_rows(tree * nodes, (tree + 1) * nodes),
                    weights.w_out.slice_rows(tree * nodes, (tree + 1) * nodes)};
    Tensor left = y.slice_rows(first, first + part).clone();
    Growth(x.slice_rows(first, first + part), left, 0, part, static_cast<int>(size.depth), own);
    const ops::TreeResult given =
        ops::neuron_tree(Variable(x), Variable(own.w_in), Variable(own.bias), Variable(own.w_out), 1,
                         static_cast<int>(size.depth), {}, false);
    const float* values = given.output.value().data();
    for (std::int64_t i = 0; i < y.size(); ++i) y.data()[i] -= values[i];
  }
}

}  // namespace espalier::train
