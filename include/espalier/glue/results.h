// What a GLUE run writes of its trainings and scores. Metrics are in 0 .. 1, and NaN, in files null, where
// they are not defined; `score` and averages are in the scale of tables, 0 .. 100.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "espalier/config/glue_config.h"
#include "espalier/io/json_fields.h"
#include "espalier/train/run_inputs.h"

namespace espalier::glue {

inline constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

// A metric on a dev file.
struct GlueScore {
  std::string set;  // the split
  std::string metric;
  double value = kUndefined;
  double low = kUndefined, high = kUndefined;  // ends of the 95 % interval
  std::int64_t n = 0;                          // rows
};
void describe(GlueScore& score, io::JsonFields& fields);

struct GlueEpoch {
  double epoch = 0;
  std::int64_t step = 0;
  double loss = kUndefined;
  std::vector<GlueScore> scores;
  std::vector<std::string> warnings;  // of degenerate scores
};
void describe(GlueEpoch& epoch, io::JsonFields& fields);

// A finished training, its result.json.
struct GlueTraining {
  std::string task;
  std::uint64_t seed = 0;
  double lr = 0;
  std::int64_t batch_size = 0;
  std::string folder;  // below the run's
  std::int64_t train_rows = 0;
  double train_loss = 0;
  double seconds = 0, eval_seconds = 0;
  double tokens_per_second = 0;
  double padding_share = 0;
  std::uint64_t last = 0, best = 0;  // indices into `epochs`
  std::vector<GlueEpoch> epochs;

  const GlueEpoch& at(config::ReportedEpoch epoch) const {
    return epochs.at(epoch == config::ReportedEpoch::kLast ? last : best);
  }
};
void describe(GlueTraining& training, io::JsonFields& fields);

// Over the seeds; low and high are those of the run whose value is the (lower) median. All undefined where
// one of the values is.
struct GlueSpread {
  double median = kUndefined, mean = kUndefined, std = kUndefined, min = kUndefined, max = kUndefined;
  double low = kUndefined, high = kUndefined;
};
void describe(GlueSpread& spread, io::JsonFields& fields);

struct GlueSpreads {
  std::string set, metric;
  std::int64_t n = 0;
  GlueSpread last, best;

  const GlueSpread& at(config::ReportedEpoch epoch) const {
    return epoch == config::ReportedEpoch::kLast ? last : best;
  }
};
void describe(GlueSpreads& spreads, io::JsonFields& fields);

// What was predicted for test files, TASK/test.json.
struct GlueTestFile {
  std::string name;
  std::int64_t rows = 0;
};
void describe(GlueTestFile& file, io::JsonFields& fields);
struct GlueTests {
  std::string folder;  // of the training whose model it was
  std::vector<GlueTestFile> files;
  train::RunInputs inputs;  // the rows
};
void describe(GlueTests& tests, io::JsonFields& fields);

// A setting that a sweep tried, with its first score at the reported epoch.
struct GlueTrial {
  double lr = 0;
  std::int64_t batch_size = 0;
  std::uint64_t seed = 0;
  std::string metric;
  double value = kUndefined;
  std::string folder;
};
void describe(GlueTrial& trial, io::JsonFields& fields);

struct GlueTaskScores {
  std::string title;
  std::string metric;         // the first
  double score = kUndefined;  // its median at the reported epoch, for MNLI the mean of both sets
  std::vector<GlueSpreads> scores;
  std::int64_t train_rows = 0;
  double lr = 0;
  std::int64_t batch_size = 0;
  double seconds = 0;  // of all trainings, a sweep's included
  double tokens_per_second = 0, padding_share = 0;
  std::vector<std::string> warnings;
  std::string model;  // file below the run's folder
  GlueTests tests;
  std::vector<GlueTraining> runs;  // one a seed
  std::vector<GlueTrial> sweep;
};
void describe(GlueTaskScores& scores, io::JsonFields& fields);

// What was fine-tuned.
struct GlueModel {
  std::string path;
  std::int64_t layers = 0, hidden_size = 0;
  std::string feed_forward;
  std::int64_t neurons = 0, neurons_used = 0;
  std::string weights_checksum;
};
void describe(GlueModel& model, io::JsonFields& fields);

struct GlueAverage {
  std::optional<double> without_cola, with_cola;
  std::vector<std::string> missing;  // tasks without a score
};
void describe(GlueAverage& average, io::JsonFields& fields);

// This run beside a baseline on some tasks, in 0 .. 100 but for share = score / baseline and p_value.
struct GlueComparison {
  double score = kUndefined, baseline = kUndefined, share = kUndefined;
  double difference = kUndefined, low = kUndefined, high = kUndefined;
  double p_value = 1;
  std::vector<std::string> tasks;
};
void describe(GlueComparison& comparison, io::JsonFields& fields);

struct GlueBaseline {
  std::string run;
  io::Json model;                     // as it is called there
  std::vector<std::string> settings;  // of the training that differ: "train.lr: 4e-05, there 0.001"
  io::Named<GlueComparison> tasks;
  std::optional<GlueComparison> without_cola, with_cola;
};
void describe(GlueBaseline& baseline, io::JsonFields& fields);

struct GlueSubmission {
  std::vector<std::string> files;     // in the archive
  std::vector<std::string> warnings;  // what is wrong with it
};
void describe(GlueSubmission& submission, io::JsonFields& fields);

// results.json.
struct GlueResults {
  GlueModel model;
  config::ReportedEpoch epoch = config::ReportedEpoch::kLast;
  std::vector<std::int64_t> seeds;
  bool complete = false;  // all tasks are there
  io::Named<GlueTaskScores> tasks;
  io::Named<std::string> skipped;  // the reasons
  GlueAverage average;
  // When all is done; the second only beside a baseline.
  std::optional<GlueSubmission> submission;
  std::optional<GlueBaseline> baseline;

  // Null if it is not there.
  const GlueTaskScores* find(const std::string& task) const;
};
void describe(GlueResults& results, io::JsonFields& fields);

// What a comparison reads of results.json: so much must be there, whoever wrote it.
struct ComparedSet {
  std::string set;
};
void describe(ComparedSet& set, io::JsonFields& fields);
struct ComparedTraining {
  std::string folder;
};
void describe(ComparedTraining& training, io::JsonFields& fields);
struct ComparedTask {
  double score = kUndefined;
  std::vector<ComparedSet> scores;
  std::vector<ComparedTraining> runs;
};
void describe(ComparedTask& task, io::JsonFields& fields);
struct ComparedResults {
  io::Json model;
  config::ReportedEpoch epoch = config::ReportedEpoch::kLast;
  io::Named<ComparedTask> tasks;
};
void describe(ComparedResults& results, io::JsonFields& fields);

}  // namespace espalier::glue
