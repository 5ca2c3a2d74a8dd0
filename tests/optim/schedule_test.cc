#include "espalier/optim/schedule.h"

#include <doctest/doctest.h>

namespace espalier::optim {

TEST_CASE("the crammed schedule peaks at three quarters of the budget") {
  const auto factor = [](double t) { return learning_rate_factor(ScheduleKind::kCrammed, t, 0); };
  CHECK(factor(0) == 0.25);
  CHECK(factor(0.5) == 0.75);
  CHECK(factor(0.75) == 1.0);
  CHECK(factor(0.9) == doctest::Approx(0.4));
  CHECK(factor(1) == 0.0);
  CHECK(factor(1.5) == 0.0);
}

TEST_CASE("warm-up and decay of the others") {
  CHECK(learning_rate_factor(ScheduleKind::kConstant, 0.05, 0.1) == doctest::Approx(0.5));
  CHECK(learning_rate_factor(ScheduleKind::kConstant, 0.7, 0.1) == 1.0);
  CHECK(learning_rate_factor(ScheduleKind::kLinear, 0.55, 0.1) == doctest::Approx(0.5));
  CHECK(learning_rate_factor(ScheduleKind::kCosine, 0.55, 0.1) == doctest::Approx(0.5));
  CHECK(learning_rate_factor(ScheduleKind::kCosine, 1.0, 0.1) == doctest::Approx(0.0));
  CHECK(learning_rate_factor(ScheduleKind::kLinear, 1.0, 1.0) == doctest::Approx(0.0));
}

TEST_CASE("the batch grows in whole micro-batches") {
  CHECK(ramped_batch(8192, 128, 0.6, 0.0) == 128);
  CHECK(ramped_batch(8192, 128, 0.6, 0.3) == 4224);
  CHECK(ramped_batch(8192, 128, 0.6, 0.6) == 8192);
  CHECK(ramped_batch(8192, 128, 0.6, 0.9) == 8192);
  CHECK(ramped_batch(64, 32, 0.0, 0.0) == 64);
}

}  // namespace espalier::optim
