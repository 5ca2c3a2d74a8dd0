#include "espalier/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace espalier::optim {

double learning_rate_factor(ScheduleKind kind, double t, double warmup) {
  t = std::clamp(t, 0.0, 1.0);
  if (kind == ScheduleKind::kCrammed) return std::max(0.0, std::min(0.25 + t, 4.0 * (1.0 - t)));
  if (t < warmup) return t / warmup;
  const double after = warmup < 1.0 ? (t - warmup) / (1.0 - warmup) : 1.0;
  switch (kind) {
    case ScheduleKind::kLinear:
      return 1.0 - after;
    case ScheduleKind::kCosine:
      return 0.5 * (1.0 + std::cos(std::numbers::pi * after));
    default:
      return 1.0;
  }
}

std::int64_t ramped_batch(std::int64_t full, std::int64_t micro, double ramp, double t) {
  if (ramp <= 0.0) return full;
  const double grown = static_cast<double>(full) * t / ramp / static_cast<double>(micro);
  return std::min((static_cast<std::int64_t>(std::floor(grown)) + 1) * micro, full);
}

}  // namespace espalier::optim
