#include "espalier/bench/gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "bench/gemm_product.h"
#include "bench/references.h"
#include "bench/timing.h"
#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/matmul.h"

namespace espalier::bench {
namespace {

constexpr double kLeastGemmSeconds = 0.1;
// Of the sum over k of products of numbers of the order of 1, relative to the largest value of C v.
constexpr double kGemmTolerance = 5e-5;

std::vector<GemmShape> model_shapes(std::int64_t tokens, std::int64_t d) {
  const std::int64_t vocabulary = 32768;
  const std::int64_t predicted = std::max<std::int64_t>(tokens / 4, 1);
  return {{"square", 2048, 2048, 2048, false},
          {"queries, keys, values", tokens, 3 * d, d, false},
          {"attention output", tokens, d, d, false},
          {"dense in", tokens, 4 * d, d, false},
          {"dense out", tokens, d, 4 * d, false},
          {"gradient of dense in", 4 * d, d, tokens, true},
          {"vocabulary head", predicted, vocabulary, d, false}};
}

// sums[i] = row i of matrix [rows, columns] times v.
std::vector<double> times(const Tensor& matrix, std::int64_t rows, std::int64_t columns,
                          const std::vector<double>& v) {
  std::vector<double> sums(static_cast<std::size_t>(rows), 0.0);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* row = matrix.data() + i * columns;
    double sum = 0;
    for (std::int64_t j = 0; j < columns; ++j)
      sum += static_cast<double>(row[j]) * v[static_cast<std::size_t>(j)];
    sums[static_cast<std::size_t>(i)] = sum;
  }
  return sums;
}

// The same for the transpose of matrix [rows, columns].
std::vector<double> transposed_times(const Tensor& matrix, std::int64_t rows, std::int64_t columns,
                                     const std::vector<double>& v) {
  std::vector<double> sums(static_cast<std::size_t>(columns), 0.0);
  for (std::int64_t i = 0; i < rows; ++i) {
    const float* row = matrix.data() + i * columns;
    for (std::int64_t j = 0; j < columns; ++j) {
      sums[static_cast<std::size_t>(j)] += static_cast<double>(row[j]) * v[static_cast<std::size_t>(i)];
    }
  }
  return sums;
}

GemmRow measure(const GemmShape& shape, std::int64_t rounds, GemmPeak& peak, std::vector<double>& peaks) {
  GemmProduct product(shape);
  product.run();
  GemmRow row;
  row.shape = shape;
  row.threads = thread_count();
  row.max_error = product.error();
  row.correct = row.max_error <= kGemmTolerance;
  const double flops =
      2 * static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
  std::vector<double> seconds, shares;
  for (std::int64_t round = 0; round < rounds; ++round) {
    stop_if_interrupted();
    const double first = peak.measure();
    seconds.push_back(seconds_per_call(kLeastGemmSeconds, [&](std::int64_t) { product.run(); }));
    peaks.push_back((first + peak.measure()) / 2);
    shares.push_back(flops / seconds.back() / 1e9 / peaks.back());
  }
  row.ms = 1e3 * median(seconds);
  row.spread = spread(seconds);
  row.gflops = flops / median(seconds) / 1e9;
  row.share = median(shares);
  return row;
}

}  // namespace

GemmProduct::GemmProduct(const GemmShape& shape)
    : shape_(shape),
      a_(random_normal(shape.over_rows ? Shape{shape.k, shape.m} : Shape{shape.m, shape.k}, 1, 1, "a")),
      b_(random_normal(shape.over_rows ? Shape{shape.k, shape.n} : Shape{shape.n, shape.k}, 1, 1, "b")),
      c_(Tensor::full({shape.m, shape.n}, std::nanf(""))) {}

void GemmProduct::run() {
  const std::int64_t m = shape_.m, n = shape_.n, k = shape_.k;
  if (shape_.over_rows) {
    kernels::matmul_over_rows(m, n, k, a_.data(), m, b_.data(), n, c_.data(), n);
  } else {
    kernels::matmul(m, n, k, {a_.data(), k}, {b_.data(), k, true}, c_.data(), n);
  }
}

double GemmProduct::error() const {
  const std::int64_t m = shape_.m, n = shape_.n, k = shape_.k;
  const Tensor draw = random_normal({n}, 1, 2, "v");
  const std::vector<double> v(draw.data(), draw.data() + n);
  const std::vector<double> found = times(c_, m, n, v);
  const std::vector<double> expected = shape_.over_rows ? transposed_times(a_, k, m, times(b_, k, n, v))
                                                        : times(a_, m, k, transposed_times(b_, n, k, v));
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double off = std::abs(found[i] - expected[i]);
    difference = std::isnan(off) ? off : std::max(difference, off);  // a NaN stays: max gives its first
  }
  return difference / largest;
}

GemmShape parse_gemm_shape(const std::string& text) {
  GemmShape shape;
  shape.name = text;
  long long m = 0, n = 0, k = 0;
  int used = 0;
  const int found = std::sscanf(text.c_str(), "%lldx%lldx%lld%n", &m, &n, &k, &used);
  const long long most = 1 << 20;
  if (found != 3 || used != static_cast<int>(text.size()) || m < 1 || n < 1 || k < 1 || m > most ||
      n > most || k > most) {
    throw InputError(fmt::format(
        "bench gemm: --shape must be MxNxK with sizes from 1 to {}, such as 4096x3072x768; got {}", most,
        text));
  }
  shape.m = m;
  shape.n = n;
  shape.k = k;
  return shape;
}

GemmReport bench_gemm(const GemmOptions& options, const std::function<void(const GemmRow&)>& on_row) {
  if (options.tokens < 1 || options.width < 1 || options.rounds < 1) {
    throw InputError("bench gemm: --tokens, --width and --rounds must be at least 1");
  }
  GemmReport report;
  report.machine = describe_machine();
  report.machine.memory_gb_s = read_bandwidth(memory_buffer_bytes(report.machine.l3_kb));
  GemmPeak peak;
  peak.measure();
  std::vector<double> peaks;
  const std::vector<GemmShape> shapes =
      options.shapes.empty() ? model_shapes(options.tokens, options.width) : options.shapes;
  for (const GemmShape& shape : shapes) {
    report.rows.push_back(measure(shape, options.rounds, peak, peaks));
    report.machine.gemm_gflops = median(peaks);
    if (on_row) on_row(report.rows.back());
  }
  return report;
}

io::Json gemm_json(const GemmRow& row) {
  return {{"name", row.shape.name},     {"m", row.shape.m},       {"n", row.shape.n},
          {"k", row.shape.k},           {"threads", row.threads}, {"ms", row.ms},
          {"spread", row.spread},       {"gflops", row.gflops},   {"share", row.share},
          {"max_error", row.max_error}, {"correct", row.correct}};
}

}  // namespace espalier::bench
