// Helpers shared by the tests of every room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "espalier/autograd/variable.h"
#include "espalier/base/philox.h"
#include "espalier/tensor/tensor.h"

namespace espalier::testing {

// A tensor of independent draws from U(low, high), a function of `seed` alone.
Tensor random_tensor(const Shape& shape, std::uint64_t seed, float low = -1.0F, float high = 1.0F);

// A copy whose numbers are rounded to bfloat16.
Tensor rounded_to_bfloat16(const Tensor& tensor);

// A folder that exists while the object lives.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  // Writes a text file into the folder and returns its path.
  std::filesystem::path write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

std::string read_text(const std::filesystem::path& path);

// The root of the source tree, and the program under test.
const std::filesystem::path& source_folder();
const std::string& program_path();

// tests/golden/NAME in the source tree, or NAME in $ESPALIER_GOLDEN_DIR.
std::filesystem::path golden_path(const std::string& name);

// Prints "SKIPPED: reason", and has the runner end as skipped unless something fails. Return from the test
// case afterwards.
void skip_test(const std::string& reason);
bool any_test_skipped();

// The larger of two errors. One that is no number counts as infinite, where std::max would leave it out.
double larger_error(double largest, double error);

// The largest |a - b| / max(floor, |b|) over all elements.
double max_relative_error(std::span<const float> a, std::span<const double> b, double floor = 1.0);
double max_relative_error(std::span<const float> a, std::span<const float> b, double floor = 1.0);

// What `run` throws as an espalier::Error, or a failed check. For tests of messages.
std::string error_of(const std::function<void()>& run);

using Doubles = std::vector<double>;
using Ids = std::vector<std::int32_t>;  // of tokens or classes
using Strings = std::vector<std::string>;
// The operation under test, on float variables.
using FloatOp = std::function<Variable(std::span<const Variable> inputs)>;
// Its plain twin: the same function on flattened inputs, written independently in double precision.
using DoubleTwin = std::function<Doubles(std::span<const Doubles> inputs)>;

struct GradcheckOptions {
  double value_tolerance = 1e-5;     // relative to max(1, |twin|)
  double gradient_tolerance = 1e-4;  // relative to max(1, |difference quotient|)
  double step = 1e-4;                // of the central differences, in double: truncation 1e-8, rounding 1e-12
  std::uint64_t seed = 1;
};

// Checks `op` against `twin`: the value; the gradient of <upstream, op> for a random upstream gradient
// against central differences of the twin; and that gradients are added to what the inputs' buffers already
// hold.
void check_op(const FloatOp& op, const DoubleTwin& twin, const std::vector<Tensor>& inputs,
              const GradcheckOptions& options = {});

}  // namespace espalier::testing
