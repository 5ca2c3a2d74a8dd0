#include "train/linear_fit.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "espalier/base/philox.h"
#include "kernels/matmul.h"

namespace espalier::train {
namespace {

// Of the mean variance of x.
constexpr double kRidge = 1e-4;
// The subspace of the largest directions is found to well below what training changes.
constexpr int kIterations = 24;

// A row-major matrix in double.
struct Matrix {
  std::int64_t rows, columns;
  std::vector<double> data;

  Matrix(std::int64_t r, std::int64_t c) : rows(r), columns(c), data(static_cast<std::size_t>(r * c)) {}
  double* row(std::int64_t r) { return data.data() + r * columns; }
  const double* row(std::int64_t r) const { return data.data() + r * columns; }
};

// a b
Matrix product(const Matrix& a, const Matrix& b) {
  Matrix c(a.rows, b.columns);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    double* out = c.row(i);
    for (std::int64_t k = 0; k < a.columns; ++k) {
      const double factor = a.row(i)[k];
      const double* in = b.row(k);
      for (std::int64_t j = 0; j < b.columns; ++j) out[j] += factor * in[j];
    }
  }
  return c;
}

Matrix transposed(const Matrix& a) {
  Matrix t(a.columns, a.rows);
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j < a.columns; ++j) t.row(j)[i] = a.row(i)[j];
  }
  return t;
}

float factor_of(std::span<const float> factors, std::int64_t row) {
  return factors.empty() ? 1.0F : factors[static_cast<std::size_t>(row)];
}

Tensor centered(const Tensor& x, const std::vector<double>& mean, std::span<const float> factors) {
  Tensor result = x.clone();
  const std::int64_t d = x.shape()[1];
  for (std::int64_t i = 0; i < result.size(); ++i) {
    float& value = result.data()[i];
    value -= static_cast<float>(mean[static_cast<std::size_t>(i % d)]);
    value *= factor_of(factors, i / d);
  }
  return result;
}

// a^T b / n
Matrix covariance(const Tensor& a, const Tensor& b) {
  const std::int64_t n = a.shape()[0], m = a.shape()[1], k = b.shape()[1];
  Tensor sums = Tensor::empty({m, k});
  kernels::matmul_over_rows(m, k, n, a.data(), m, b.data(), k, {sums.data(), false}, k);
  Matrix result(m, k);
  for (std::int64_t i = 0; i < sums.size(); ++i)
    result.data[static_cast<std::size_t>(i)] = static_cast<double>(sums.data()[i]) / static_cast<double>(n);
  return result;
}

// The lower triangle L of a symmetric positive matrix, a = L L^T, in its place.
void cholesky(Matrix& a) {
  for (std::int64_t i = 0; i < a.rows; ++i) {
    for (std::int64_t j = 0; j <= i; ++j) {
      double sum = a.row(i)[j];
      for (std::int64_t k = 0; k < j; ++k) sum -= a.row(i)[k] * a.row(j)[k];
      a.row(i)[j] = i == j ? std::sqrt(std::max(sum, 1e-30)) : sum / a.row(j)[j];
    }
  }
}

// (L L^T)^-1 b, in b's place.
void solve(const Matrix& lower, Matrix& b) {
  const auto eliminate = [&](std::int64_t i, std::int64_t k, double factor) {
    for (std::int64_t j = 0; j < b.columns; ++j) b.row(i)[j] -= factor * b.row(k)[j];
  };
  const auto divide = [&](std::int64_t i) {
    for (std::int64_t j = 0; j < b.columns; ++j) b.row(i)[j] /= lower.row(i)[i];
  };
  for (std::int64_t i = 0; i < b.rows; ++i) {
    for (std::int64_t k = 0; k < i; ++k) eliminate(i, k, lower.row(i)[k]);
    divide(i);
  }
  for (std::int64_t i = b.rows - 1; i >= 0; --i) {
    for (std::int64_t k = i + 1; k < b.rows; ++k) eliminate(i, k, lower.row(k)[i]);
    divide(i);
  }
}

// Row i of v without its part along the rows before it, to length 1.
void subtract_earlier(Matrix& v, std::int64_t i) {
  for (std::int64_t k = 0; k < i; ++k) {
    double along = 0;
    for (std::int64_t j = 0; j < v.columns; ++j) along += v.row(i)[j] * v.row(k)[j];
    for (std::int64_t j = 0; j < v.columns; ++j) v.row(i)[j] -= along * v.row(k)[j];
  }
  double norm = 0;
  for (std::int64_t j = 0; j < v.columns; ++j) norm += v.row(i)[j] * v.row(i)[j];
  const double factor = norm > 0 ? 1 / std::sqrt(norm) : 0;
  for (std::int64_t j = 0; j < v.columns; ++j) v.row(i)[j] *= factor;
}

// Makes the rows of v orthonormal, in order (Gram and Schmidt). Twice: where a rank is asked for that is not
// there, the first pass leaves rounding errors, which need not be orthogonal to anything and would count a
// direction double.
void orthonormalize(Matrix& v) {
  for (std::int64_t i = 0; i < v.rows; ++i) {
    subtract_earlier(v, i);
    subtract_earlier(v, i);
  }
}

// Rows: the `rank` largest directions of a symmetric positive matrix, by orthogonal iteration.
Matrix largest_directions(const Matrix& a, std::int64_t rank) {
  Matrix v(rank, a.rows);
  const Philox random(1, RandomStream::kInit);
  for (std::size_t i = 0; i < v.data.size(); ++i) v.data[i] = static_cast<double>(random.normal(i));
  orthonormalize(v);
  for (int i = 0; i < kIterations; ++i) {
    v = product(v, a);
    orthonormalize(v);
  }
  return v;
}

Tensor as_tensor(const Matrix& a) {
  Tensor result = Tensor::empty({a.rows, a.columns});
  for (std::size_t i = 0; i < a.data.size(); ++i) result.span()[i] = static_cast<float>(a.data[i]);
  return result;
}

}  // namespace

std::vector<double> column_means(const Tensor& x, std::span<const float> factors) {
  const std::int64_t n = x.shape()[0], d = x.shape()[1];
  std::vector<double> mean(static_cast<std::size_t>(d));
  double total = 0;
  for (std::int64_t r = 0; r < n; ++r) {
    const float* row = x.data() + r * d;
    const double factor = static_cast<double>(factor_of(factors, r)), weight = factor * factor;
    for (std::int64_t j = 0; j < d; ++j)
      mean[static_cast<std::size_t>(j)] += weight * static_cast<double>(row[j]);
    total += weight;
  }
  for (double& value : mean) value /= total;
  return mean;
}

LinearFit fit_linear(const Tensor& x, const Tensor& y, std::int64_t rank, bool with_bias,
                     std::span<const float> factors) {
  const std::int64_t d = x.shape()[1], out = y.shape()[1];
  std::vector<double> x_mean(static_cast<std::size_t>(d)), y_mean(static_cast<std::size_t>(out));
  if (with_bias) {
    x_mean = column_means(x, factors);
    y_mean = column_means(y, factors);
  }
  const Tensor inputs = centered(x, x_mean, factors), outputs = centered(y, y_mean, factors);
  const Matrix variance = covariance(inputs, inputs);
  Matrix factor = variance;
  double trace = 0;
  for (std::int64_t i = 0; i < d; ++i) trace += variance.row(i)[i];
  for (std::int64_t i = 0; i < d; ++i) factor.row(i)[i] += kRidge * trace / static_cast<double>(d);
  cholesky(factor);
  Matrix map = covariance(inputs, outputs);  // [d, out]
  solve(factor, map);
  const Matrix given = product(transposed(map), product(variance, map));  // covariance of x map
  const Matrix directions = largest_directions(given, std::min(rank, out));
  const Matrix down = product(directions, transposed(map));  // [rank, d]
  LinearFit fit{Tensor::zeros({rank, d}), Tensor::zeros({out, rank}), Tensor::zeros({out})};
  std::copy_n(as_tensor(down).data(), down.rows * d, fit.down.data());
  for (std::int64_t i = 0; i < directions.rows; ++i) {
    double at_mean = 0;  // what the path gives of the mean
    for (std::int64_t j = 0; j < d; ++j) at_mean += down.row(i)[j] * x_mean[static_cast<std::size_t>(j)];
    for (std::int64_t j = 0; j < out; ++j) {
      fit.up.data()[j * rank + i] = static_cast<float>(directions.row(i)[j]);
      y_mean[static_cast<std::size_t>(j)] -= at_mean * directions.row(i)[j];
    }
  }
  if (with_bias) {
    for (std::size_t j = 0; j < y_mean.size(); ++j) fit.bias.span()[j] = static_cast<float>(y_mean[j]);
  }
  return fit;
}

}  // namespace espalier::train
