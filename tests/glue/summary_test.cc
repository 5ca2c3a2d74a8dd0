// What is said over the seeds of a task.
#include "glue/summary.h"

#include <doctest/doctest.h>

#include <cmath>

namespace espalier::glue {
namespace {

GlueTraining training_of(std::uint64_t seed, double pearson) {
  GlueScore score;
  score.set = "dev";
  score.metric = "pearson";
  score.value = pearson;
  score.low = pearson - 0.1;
  score.high = pearson + 0.1;
  GlueTraining training;
  training.seed = seed;
  training.epochs.resize(1);
  training.epochs[0].scores = {score};
  return training;
}

GlueSpread spread_of(const std::vector<double>& values) {
  GluePlan plan;
  plan.tasks.resize(1);
  plan.tasks[0].task = &data::find_glue_task("stsb");
  GlueTaskResults task;
  task.plan = &plan.tasks[0];
  for (std::size_t i = 0; i < values.size(); ++i) task.runs.push_back(training_of(i + 1, values[i]));
  return summary_of({}, plan, {}, {task}).tasks[0].second.scores.at(0).last;
}

}  // namespace

TEST_CASE("over seeds: median with its interval, mean, deviation, ends") {
  const GlueSpread spread = spread_of({0.5, 0.2, 0.3});
  CHECK(spread.median == doctest::Approx(0.3));
  CHECK(spread.low == doctest::Approx(0.2));
  CHECK(spread.high == doctest::Approx(0.4));
  CHECK(spread.mean == doctest::Approx(1.0 / 3));
  CHECK(spread.std == doctest::Approx(0.15275).epsilon(1e-4));
  CHECK(spread.min == 0.2);
  CHECK(spread.max == 0.5);
}

TEST_CASE("an undefined score leaves all undefined, whichever seed has it") {
  for (const std::vector<double>& values :
       {std::vector<double>{kUndefined, 0.2, 0.3}, {0.2, kUndefined, 0.3}, {0.2, 0.3, kUndefined}}) {
    const GlueSpread spread = spread_of(values);
    for (const double value :
         {spread.median, spread.mean, spread.std, spread.min, spread.max, spread.low, spread.high})
      CHECK(std::isnan(value));
  }
}

}  // namespace espalier::glue
