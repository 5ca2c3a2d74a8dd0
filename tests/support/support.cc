#include "tests/support/support.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "espalier/base/error.h"
#include "tensor/half.h"

namespace espalier::testing {

Tensor rounded_to_bfloat16(const Tensor& tensor) {
  Tensor result = tensor.clone();
  for (float& value : result.span()) value = float_from_bfloat16(bfloat16_from_float(value));
  return result;
}

Tensor random_tensor(const Shape& shape, std::uint64_t seed, float low, float high) {
  const Philox random(seed, RandomStream::kTest);
  Tensor tensor = Tensor::empty(shape);
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    tensor.data()[i] = low + (high - low) * random.uniform(static_cast<std::uint64_t>(i));
  }
  return tensor;
}

TempDir::TempDir() {
  std::string path = std::filesystem::temp_directory_path() / "espalier-test-XXXXXX";
  REQUIRE(mkdtemp(path.data()) != nullptr);
  path_ = path;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path TempDir::write(const std::string& name, const std::string& text) const {
  const std::filesystem::path path = path_ / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << text;
  return path;
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.good(), "cannot read ", path.string());
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const std::filesystem::path& source_folder() {
  static const std::filesystem::path folder = ESPALIER_SOURCE_DIR;
  return folder;
}

const std::string& program_path() {
  static const std::string path = ESPALIER_BINARY;
  return path;
}

std::filesystem::path golden_path(const std::string& name) {
  const char* other = std::getenv("ESPALIER_GOLDEN_DIR");
  if (other != nullptr) return std::filesystem::path(other) / name;
  return source_folder() / "tests" / "golden" / name;
}

static bool skipped = false;

void skip_test(const std::string& reason) {
  skipped = true;
  std::printf("SKIPPED: %s\n", reason.c_str());
  std::fflush(stdout);
}

bool any_test_skipped() {
  return skipped;
}

double larger_error(double largest, double error) {
  return std::isnan(error) ? INFINITY : std::max(largest, error);
}

template <class Expected>
static double largest_error(std::span<const float> a, std::span<const Expected> b, double floor) {
  REQUIRE(a.size() == b.size());
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double expected = static_cast<double>(b[i]);
    largest = larger_error(
        largest, std::abs(static_cast<double>(a[i]) - expected) / std::max(floor, std::abs(expected)));
  }
  return largest;
}

double max_relative_error(std::span<const float> a, std::span<const double> b, double floor) {
  return largest_error(a, b, floor);
}

double max_relative_error(std::span<const float> a, std::span<const float> b, double floor) {
  return largest_error(a, b, floor);
}

std::string error_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  FAIL("expected an espalier::Error, none was thrown");
  return "";
}

static Doubles difference_quotients(const DoubleTwin& twin, std::vector<Doubles> inputs, std::size_t which,
                                    const Tensor& upstream, double step) {
  const auto projected = [&] {
    const Doubles out = twin(inputs);
    double sum = 0;
    for (std::size_t i = 0; i < out.size(); ++i) sum += out[i] * static_cast<double>(upstream.data()[i]);
    return sum;
  };
  Doubles quotients;
  for (double& element : inputs[which]) {
    const double saved = element;
    element = saved + step;
    const double above = projected();
    element = saved - step;
    const double below = projected();
    element = saved;
    quotients.push_back((above - below) / (2 * step));
  }
  return quotients;
}

void check_op(const FloatOp& op, const DoubleTwin& twin, const std::vector<Tensor>& inputs,
              const GradcheckOptions& options) {
  std::vector<Variable> variables;
  std::vector<Doubles> doubles;
  std::vector<Tensor> already;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    variables.emplace_back(inputs[i].clone(), true);
    doubles.emplace_back(inputs[i].span().begin(), inputs[i].span().end());
    already.push_back(random_tensor(inputs[i].shape(), options.seed + 100 + i));
    variables.back().accumulate_grad(already.back().clone());
  }
  const Variable result = op(variables);
  const Doubles expected = twin(doubles);
  CHECK(max_relative_error(result.value().span(), std::span<const double>(expected)) <=
        options.value_tolerance);

  const Tensor upstream = random_tensor(result.shape(), options.seed + 50);
  backward(result, upstream.clone());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    INFO("input " << i);
    const Doubles quotients = difference_quotients(twin, doubles, i, upstream, options.step);
    std::vector<float> added;
    for (std::int64_t j = 0; j < inputs[i].size(); ++j) {
      added.push_back(variables[i].grad().data()[j] - already[i].data()[j]);
    }
    CHECK(max_relative_error(std::span<const float>(added), std::span<const double>(quotients)) <=
          options.gradient_tolerance);
  }
}

}  // namespace espalier::testing
