#include "bench/timing.h"

#include <algorithm>
#include <chrono>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"

namespace espalier::bench {

double now_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double spread(const std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return (*most - *least) / median(values);
}

double median_ratio(const std::vector<double>& a, const std::vector<double>& b) {
  ESPALIER_CHECK(a.size() == b.size());
  std::vector<double> ratios;
  for (std::size_t i = 0; i < a.size(); ++i) ratios.push_back(a[i] / b[i]);
  return median(std::move(ratios));
}

double seconds_per_call(double least_seconds, FunctionRef<void(std::int64_t)> call) {
  const double begin = now_seconds();
  std::int64_t calls = 0;
  std::int64_t target = 1;
  double elapsed = 0;
  // The clock is read after 1, 2, 4, ... calls, so that it does not count in calls of a microsecond.
  do {
    for (; calls < target; ++calls) call(calls);
    elapsed = now_seconds() - begin;
    const double per_call = elapsed / static_cast<double>(calls);
    const double missing = (least_seconds - elapsed) / std::max(per_call, 1e-9);
    target = calls + std::clamp<std::int64_t>(static_cast<std::int64_t>(missing) + 1, 1, calls);
  } while (elapsed < least_seconds);
  return elapsed / static_cast<double>(calls);
}

void stop_if_interrupted() {
  if (const int signal = interrupt_signal()) throw Interrupted("bench: interrupted", signal);
}

}  // namespace espalier::bench
