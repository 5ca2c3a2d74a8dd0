// Learning rates and batch sizes against the original's own schedulers and transformers'
// (tests/golden/schedules.json).
#include <doctest/doctest.h>

#include "espalier/io/json.h"
#include "espalier/optim/schedule.h"
#include "tests/support/support.h"

namespace espalier::train {
namespace {

using optim::ScheduleKind;

io::Json golden() {
  return io::read_json(testing::golden_path("schedules.json"));
}

ScheduleKind kind_of(const std::string& name) {
  if (name == "cosine") return ScheduleKind::kCosine;
  if (name == "linear") return ScheduleKind::kLinear;
  REQUIRE(name.find("constant") == 0);
  return ScheduleKind::kConstant;
}

}  // namespace

TEST_CASE("the crammed learning rate") {
  const io::Json file = golden();
  CHECK(file.at("one_cycle").size() == 30);
  for (const io::Json& row : file.at("one_cycle")) {
    const double t = row.at("t").get<double>();
    CAPTURE(t);
    CHECK(optim::learning_rate_factor(ScheduleKind::kCrammed, t, 0) ==
          doctest::Approx(row.at("factor").get<double>()).epsilon(1e-12));
  }
}

TEST_CASE("the batch ramp, where the original's float arithmetic and whole numbers agree") {
  int compared = 0;
  const io::Json file = golden();
  for (const io::Json& ramp : file.at("batch_ramp")) {
    for (const io::Json& row : ramp.at("rows")) {
      const auto expected = row.at("exact").get<std::int64_t>();
      if (row.at("sequences").get<std::int64_t>() != expected) continue;
      CAPTURE(row.dump());
      CHECK(optim::ramped_batch(ramp.at("batch_size").get<std::int64_t>(),
                                ramp.at("microbatch").get<std::int64_t>(), ramp.at("ramp").get<double>(),
                                row.at("t").get<double>()) == expected);
      ++compared;
    }
  }
  CHECK(compared > 20);
}

TEST_CASE("warm-up and decay as transformers has them") {
  const io::Json file = golden();
  CHECK(file.at("warmup").size() == 9);
  for (const io::Json& schedule : file.at("warmup")) {
    const double steps = schedule.at("steps").get<double>();
    const double warmup = schedule.at("warmup_steps").get<double>() / steps;
    CAPTURE(schedule.at("name").get<std::string>());
    CAPTURE(warmup);
    std::size_t step = 0;
    for (const io::Json& factor : schedule.at("factors")) {
      const double ours = optim::learning_rate_factor(kind_of(schedule.at("name").get<std::string>()),
                                                      static_cast<double>(step) / steps, warmup);
      CAPTURE(step);
      CHECK(ours == doctest::Approx(factor.get<double>()).epsilon(1e-9));
      ++step;
    }
  }
}

}  // namespace espalier::train
