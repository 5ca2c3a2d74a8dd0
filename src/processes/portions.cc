#include "processes/portions.h"

#include <algorithm>

namespace espalier::processes {

int Portions::owner(std::uint64_t position, std::uint64_t total) const {
  const double at = static_cast<double>(position) / static_cast<double>(total);
  if (at < first_ || processes_ == 1) return 0;
  const double each = (1 - first_) / (processes_ - 1);
  return 1 + std::min(static_cast<int>((at - first_) / each), processes_ - 2);
}

// With e seconds for a unit and j to join one at process 0, f for one elsewhere, and portions p of process 0
// and q of each other: p e + j = q f, where p + (processes - 1) q = 1.
void Portions::agree(std::span<const Figures> all) {
  if (processes_ == 1 || all.empty()) return;
  const Figures& first = all.front();
  Figures others;
  for (const Figures& other : all.subspan(1)) {
    others.own += other.own;
    others.seconds += other.seconds;
  }
  if (first.own <= 0 || first.seconds <= 0 || others.own <= 0 || others.seconds <= 0) return;
  const double e = first.seconds / first.own, j = first.joining_seconds / first.all;
  const double of_others = others.seconds / others.own / (processes_ - 1);
  first_ = std::clamp((of_others - j) / (of_others + e), 0.0, 1.0);
}

}  // namespace espalier::processes
