// When an evaluation was whose line says the step alone, as those of fine-tunings do and of pretrainings did.
#pragma once

#include <cstdint>

namespace espalier::report {

// By the speed between the two lines of steps before.
class RunClock {
 public:
  void see(std::int64_t step, double seconds) {
    const auto steps = static_cast<double>(step - step_);
    if (steps > 0) per_step_ = (seconds - seconds_) / steps;
    step_ = step;
    seconds_ = seconds;
  }
  double at(std::int64_t step) const { return seconds_ + static_cast<double>(step - step_) * per_step_; }

 private:
  std::int64_t step_ = 0;
  double seconds_ = 0, per_step_ = 0;
};

}  // namespace espalier::report
