#include "tests/support/tree_twins.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace espalier::testing {
namespace {

double plain_gelu(double x) {
  return 0.5 * x * std::erfc(-x / std::numbers::sqrt2);
}

bool decides_right(const TreeTwin& twin, double logit) {
  return twin.leaf_width > 0 ? logit >= 0 : logit > 0;
}

std::int64_t weight_rows(const TreeTwin& twin) {
  return twin.leaf_width > 0 ? twin.inner() : twin.nodes();
}

// <row `row` of a matrix with `width` columns, token `token` of x>
double product(const Doubles& matrix, std::int64_t row, const Doubles& x, std::int64_t token,
               std::int64_t width) {
  double sum = 0;
  for (std::int64_t i = 0; i < width; ++i) {
    sum += matrix[static_cast<std::size_t>(row * width + i)] * x[static_cast<std::size_t>(token * width + i)];
  }
  return sum;
}

double norm(const Doubles& matrix, std::int64_t row, std::int64_t width) {
  return std::sqrt(product(matrix, row, matrix, row, width));
}

double binary_entropy(double c) {
  const double clamped = std::clamp(c, 1e-6, 1 - 1e-6);
  return -clamped * std::log(clamped) - (1 - clamped) * std::log(1 - clamped);
}

void add_row(const Doubles& matrix, std::int64_t row, double weight, std::int64_t token, std::int64_t width,
             Doubles& y) {
  for (std::int64_t i = 0; i < width; ++i) {
    y[static_cast<std::size_t>(token * width + i)] +=
        weight * matrix[static_cast<std::size_t>(row * width + i)];
  }
}

void add_leaf(const TreeTwin& twin, std::span<const Doubles> inputs, std::int64_t token, std::int64_t leaf,
              double rho, Doubles& y) {
  for (std::int64_t unit = 0; unit < twin.leaf_width; ++unit) {
    const std::int64_t row = leaf * twin.leaf_width + unit;
    const double pre =
        product(inputs[3], row, inputs[0], token, twin.width) + inputs[4][static_cast<std::size_t>(row)];
    const double hidden = twin.relu ? std::max(pre, 0.0) : plain_gelu(pre);
    add_row(inputs[5], row, rho * hidden, token, twin.output_width, y);
  }
  add_row(inputs[6], leaf, rho, token, twin.output_width, y);
}

template <class Visit>
void for_each_tree(const TreeTwin& twin, std::int64_t tokens, const Visit& visit) {
  for (std::int64_t token = 0; token < tokens; ++token) {
    for (int tree = 0; tree < twin.trees; ++tree) visit(token, tree);
  }
}

}  // namespace

double twin_sigmoid(double z) {
  return z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z));
}

Doubles twin_logits(const TreeTwin& twin, std::span<const Doubles> inputs) {
  const std::int64_t tokens = twin.tokens(inputs);
  Doubles logits(static_cast<std::size_t>(tokens * twin.trees * twin.nodes()), 0.0);
  for_each_tree(twin, tokens, [&](std::int64_t token, int tree) {
    for (std::int64_t node = 0; node < weight_rows(twin); ++node) {
      const std::int64_t row = tree * weight_rows(twin) + node;
      logits[twin.at(token, tree, node)] =
          product(inputs[1], row, inputs[0], token, twin.width) + inputs[2][static_cast<std::size_t>(row)];
    }
  });
  return logits;
}

static Doubles rho_of(const TreeTwin& twin, const Doubles& logits, const TreeTwin::Decide& decide,
                      const TreeTwin::Keep& keep) {
  Doubles rho(logits.size(), 0.0);
  const auto tokens = static_cast<std::int64_t>(logits.size()) / (twin.trees * twin.nodes());
  for_each_tree(twin, tokens, [&](std::int64_t token, int tree) {
    rho[twin.at(token, tree, 0)] = 1;
    for (std::int64_t node = 0; node < twin.inner(); ++node) {
      const double parent = rho[twin.at(token, tree, node)];
      const double c = decide(token, tree, node, logits[twin.at(token, tree, node)]);
      const auto kept = [&](std::int64_t child, double value) {
        return keep == nullptr || keep(token, tree, child) ? value : 0.0;
      };
      rho[twin.at(token, tree, 2 * node + 1)] = kept(2 * node + 1, parent * (1 - c));
      rho[twin.at(token, tree, 2 * node + 2)] = kept(2 * node + 2, parent * c);
    }
  });
  return rho;
}

Doubles twin_rho(const TreeTwin& twin, std::span<const Doubles> inputs, const TreeTwin::Decide& decide,
                 const TreeTwin::Keep& keep) {
  return rho_of(twin, twin_logits(twin, inputs), decide, keep);
}

Doubles twin_output(const TreeTwin& twin, std::span<const Doubles> inputs, const TreeTwin::Decide& decide,
                    const TreeTwin::Keep& keep) {
  const Doubles logits = twin_logits(twin, inputs);
  const Doubles rho = rho_of(twin, logits, decide, keep);
  const std::int64_t tokens = twin.tokens(inputs);
  Doubles y(static_cast<std::size_t>(tokens * twin.output_width), 0.0);
  for_each_tree(twin, tokens, [&](std::int64_t token, int tree) {
    const std::int64_t first = twin.leaf_width > 0 ? twin.inner() : 0;
    for (std::int64_t node = first; node < twin.nodes(); ++node) {
      const std::size_t at = twin.at(token, tree, node);
      if (twin.leaf_width > 0) {
        add_leaf(twin, inputs, token, tree * twin.leaves() + node - first, rho[at], y);
      } else {
        add_row(inputs[3], tree * twin.nodes() + node, rho[at] * plain_gelu(logits[at]), token,
                twin.output_width, y);
      }
    }
  });
  return y;
}

Doubles twin_entropy(const TreeTwin& twin, std::span<const Doubles> inputs, double temperature,
                     const Doubles& rho) {
  const Doubles logits = twin_logits(twin, inputs);
  const std::int64_t tokens = twin.tokens(inputs);
  double sum = 0;
  for_each_tree(twin, tokens, [&](std::int64_t token, int tree) {
    for (std::int64_t node = 0; node < twin.inner(); ++node) {
      const std::size_t at = twin.at(token, tree, node);
      const double weight =
          rho.empty() ? 1.0 / static_cast<double>(twin.inner()) : rho[at] / static_cast<double>(twin.depth);
      sum += weight * binary_entropy(twin_sigmoid(logits[at] / temperature));
    }
  });
  return {sum / static_cast<double>(tokens * twin.trees)};
}

std::vector<Doubles> twin_hard_gradients(const TreeTwin& twin, std::span<const Doubles> inputs,
                                         std::span<const std::int32_t> leaves, const Doubles& upstream) {
  const Doubles logits = twin_logits(twin, inputs);
  std::vector<Doubles> gradients;
  for (const Doubles& input : inputs) gradients.emplace_back(input.size(), 0.0);
  for_each_tree(twin, twin.tokens(inputs), [&](std::int64_t token, int tree) {
    std::int64_t node = twin.inner() + leaves[static_cast<std::size_t>(token * twin.trees + tree)];
    for (; node >= 0; node = node == 0 ? -1 : (node - 1) / 2) {
      const std::int64_t row = tree * twin.nodes() + node;
      const double z = logits[twin.at(token, tree, node)];
      const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * std::numbers::pi);
      const double slope = 0.5 * std::erfc(-z / std::numbers::sqrt2) + z * density;
      const double dlogit = slope * product(inputs[3], row, upstream, token, twin.output_width);
      for (std::int64_t i = 0; i < twin.width; ++i) {
        const auto of_x = static_cast<std::size_t>(token * twin.width + i);
        const auto of_w = static_cast<std::size_t>(row * twin.width + i);
        gradients[0][of_x] += dlogit * inputs[1][of_w];
        gradients[1][of_w] += dlogit * inputs[0][of_x];
      }
      gradients[2][static_cast<std::size_t>(row)] += dlogit;
      for (std::int64_t i = 0; i < twin.output_width; ++i) {
        gradients[3][static_cast<std::size_t>(row * twin.output_width + i)] +=
            plain_gelu(z) * upstream[static_cast<std::size_t>(token * twin.output_width + i)];
      }
    }
  });
  return gradients;
}

TreeTwin::Decide soft_decisions(double temperature) {
  return [temperature](std::int64_t, int, std::int64_t, double logit) {
    return twin_sigmoid(logit / temperature);
  };
}

TreeTwin::Decide hard_decisions(const TreeTwin& twin, const Doubles& base_logits) {
  return [twin, base_logits](std::int64_t token, int tree, std::int64_t node, double) {
    return decides_right(twin, base_logits[twin.at(token, tree, node)]) ? 1.0 : 0.0;
  };
}

TreeTwin::Decide straight_through_decisions(const TreeTwin& twin, const Doubles& base_logits,
                                            double temperature, double epsilon) {
  return [twin, base_logits, temperature, epsilon](std::int64_t token, int tree, std::int64_t node,
                                                   double logit) {
    const double base = base_logits[twin.at(token, tree, node)];
    const double s = twin_sigmoid(base / temperature);
    const double right = decides_right(twin, base) ? 1.0 : 0.0;
    if (s * (1 - s) / temperature < epsilon) return right;
    return right + (twin_sigmoid(logit / temperature) - s);
  };
}

std::vector<std::int32_t> twin_leaves(const TreeTwin& twin, const Doubles& base_logits) {
  std::vector<std::int32_t> leaves;
  const auto tokens = static_cast<std::int64_t>(base_logits.size()) / (twin.trees * twin.nodes());
  for_each_tree(twin, tokens, [&](std::int64_t token, int tree) {
    std::int64_t node = 0;
    while (node < twin.inner()) {
      node = 2 * node + (decides_right(twin, base_logits[twin.at(token, tree, node)]) ? 2 : 1);
    }
    leaves.push_back(static_cast<std::int32_t>(node - twin.inner()));
  });
  return leaves;
}

std::vector<bool> twin_survivors(const TreeTwin& twin, const Doubles& base_logits,
                                 const TreeTwin::Decide& decide, double epsilon) {
  const Doubles rho = rho_of(twin, base_logits, decide, nullptr);
  std::vector<bool> kept(rho.size(), false);
  const auto tokens = static_cast<std::int64_t>(base_logits.size()) / (twin.trees * twin.nodes());
  for_each_tree(twin, tokens, [&](std::int64_t token, int tree) {
    kept[twin.at(token, tree, 0)] = true;
    for (std::int64_t node = 1; node < twin.nodes(); ++node) {
      const std::int64_t parent = (node - 1) / 2;
      const bool is_right = node == 2 * parent + 2;
      const bool decided = decides_right(twin, base_logits[twin.at(token, tree, parent)]) == is_right;
      kept[twin.at(token, tree, node)] =
          kept[twin.at(token, tree, parent)] && (decided || rho[twin.at(token, tree, node)] > epsilon);
    }
  });
  return kept;
}

std::int64_t differing_near_ties(const TreeTwin& twin, std::span<const Doubles> inputs,
                                 std::span<const std::int32_t> leaves) {
  const Doubles logits = twin_logits(twin, inputs);
  std::int64_t differing = 0;
  bool wrong = false;
  for_each_tree(twin, twin.tokens(inputs), [&](std::int64_t token, int tree) {
    const std::int32_t leaf = leaves[static_cast<std::size_t>(token * twin.trees + tree)];
    std::int64_t node = 0;
    for (int level = 0; level < twin.depth; ++level) {
      const bool right = ((leaf >> (twin.depth - 1 - level)) & 1) != 0;
      const double logit = logits[twin.at(token, tree, node)];
      if (right != decides_right(twin, logit)) {
        const double size =
            norm(inputs[1], tree * weight_rows(twin) + node, twin.width) * norm(inputs[0], token, twin.width);
        ++differing;
        wrong = wrong || std::abs(logit) > 1e-5 * size;
        return;
      }
      node = 2 * node + (right ? 2 : 1);
    }
  });
  return wrong ? -1 : differing;
}

}  // namespace espalier::testing
