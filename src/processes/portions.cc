#include "processes/portions.h"

#include <algorithm>

#include "espalier/processes/processes.h"

namespace espalier::processes {

int Portions::owner(std::uint64_t position, std::uint64_t total) const {
  const double at = static_cast<double>(position) / static_cast<double>(total);
  if (at < first_ || processes_ == 1) return 0;
  const double each = (1 - first_) / (processes_ - 1);
  return 1 + std::min(static_cast<int>((at - first_) / each), processes_ - 2);
}

void Portions::measured(std::uint64_t own, double own_seconds, std::uint64_t all, double joining_seconds) {
  own_ += static_cast<double>(own);
  own_seconds_ += own_seconds;
  all_ += static_cast<double>(all);
  joining_seconds_ += joining_seconds;
}

// With e seconds for a unit and j to join one, and portions p of process 0 and q of each other:
// p e + j = q e, where p + (processes - 1) q = 1.
double Portions::suggested() const {
  const double equal = 1.0 / processes_;
  if (own_seconds_ <= 0 || all_ <= 0) return equal;
  const double joining = joining_seconds_ / all_ / (own_seconds_ / own_);
  return std::clamp((1 - (processes_ - 1) * joining) * equal, 0.0, equal);
}

void Portions::agree() {
  first_ = of_first(suggested());
}

}  // namespace espalier::processes
