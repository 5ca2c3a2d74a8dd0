#include "espalier/glue/results.h"

#include <algorithm>

namespace espalier::io {

template <>
struct JsonForm<config::ReportedEpoch> {
  static Json write(config::ReportedEpoch epoch) { return config::epoch_name(epoch); }
  static void read(const JsonView& view, config::ReportedEpoch& epoch) {
    const std::string name = view.as_string();
    for (const config::ReportedEpoch known : {config::ReportedEpoch::kLast, config::ReportedEpoch::kBest}) {
      if (name == config::epoch_name(known)) {
        epoch = known;
        return;
      }
    }
    view.fail("expected \"last\" or \"best\", found \"" + name + "\"");
  }
};

}  // namespace espalier::io

namespace espalier::glue {

void describe(GlueScore& score, io::JsonFields& fields) {
  fields.add("set", score.set);
  fields.add("metric", score.metric);
  fields.add("value", score.value);
  fields.add("low", score.low);
  fields.add("high", score.high);
  fields.add("n", score.n);
}

void describe(GlueEpoch& epoch, io::JsonFields& fields) {
  fields.add("epoch", epoch.epoch);
  fields.add("step", epoch.step);
  fields.add("loss", epoch.loss);
  fields.add("scores", epoch.scores);
  fields.add_unless_empty("warnings", epoch.warnings);
}

void describe(GlueTraining& training, io::JsonFields& fields) {
  fields.add("task", training.task);
  fields.add("seed", training.seed);
  fields.add("lr", training.lr);
  fields.add("batch_size", training.batch_size);
  fields.add("folder", training.folder);
  fields.add("train_rows", training.train_rows);
  fields.add("train_loss", training.train_loss);
  fields.add("seconds", training.seconds);
  fields.add("eval_seconds", training.eval_seconds);
  fields.add("tokens_per_second", training.tokens_per_second);
  fields.add("padding_share", training.padding_share);
  fields.add("last", training.last);
  fields.add("best", training.best);
  fields.add("epochs", training.epochs);
}

void describe(GlueSpread& spread, io::JsonFields& fields) {
  fields.add("median", spread.median);
  fields.add("mean", spread.mean);
  fields.add("std", spread.std);
  fields.add("min", spread.min);
  fields.add("max", spread.max);
  fields.add("low", spread.low);
  fields.add("high", spread.high);
}

void describe(GlueSpreads& spreads, io::JsonFields& fields) {
  fields.add("set", spreads.set);
  fields.add("metric", spreads.metric);
  fields.add("n", spreads.n);
  fields.add("last", spreads.last);
  fields.add("best", spreads.best);
}

void describe(GlueTestFile& file, io::JsonFields& fields) {
  fields.add("name", file.name);
  fields.add("rows", file.rows);
}

void describe(GlueTests& tests, io::JsonFields& fields) {
  fields.add("folder", tests.folder);
  fields.add("files", tests.files);
  fields.add("inputs", tests.inputs);
}

void describe(GlueTrial& trial, io::JsonFields& fields) {
  fields.add("lr", trial.lr);
  fields.add("batch_size", trial.batch_size);
  fields.add("seed", trial.seed);
  fields.add("metric", trial.metric);
  fields.add("value", trial.value);
  fields.add("folder", trial.folder);
}

void describe(GlueTaskScores& scores, io::JsonFields& fields) {
  fields.add("title", scores.title);
  fields.add("metric", scores.metric);
  fields.add("score", scores.score);
  fields.add("scores", scores.scores);
  fields.add("train_rows", scores.train_rows);
  fields.add("lr", scores.lr);
  fields.add("batch_size", scores.batch_size);
  fields.add("seconds", scores.seconds);
  fields.add("tokens_per_second", scores.tokens_per_second);
  fields.add("padding_share", scores.padding_share);
  fields.add("warnings", scores.warnings);
  fields.add("model", scores.model);
  fields.add("tests", scores.tests);
  fields.add("runs", scores.runs);
  fields.add("sweep", scores.sweep);
}

void describe(GlueModel& model, io::JsonFields& fields) {
  fields.add("path", model.path);
  fields.add("layers", model.layers);
  fields.add("hidden_size", model.hidden_size);
  fields.add("feed_forward", model.feed_forward);
  fields.add("neurons", model.neurons);
  fields.add("neurons_used", model.neurons_used);
  fields.add("weights_checksum", model.weights_checksum);
}

void describe(GlueAverage& average, io::JsonFields& fields) {
  fields.add("without_cola", average.without_cola);
  fields.add("with_cola", average.with_cola);
  fields.add("missing", average.missing);
}

void describe(GlueComparison& comparison, io::JsonFields& fields) {
  fields.add("score", comparison.score);
  fields.add("baseline", comparison.baseline);
  fields.add("share", comparison.share);
  fields.add("difference", comparison.difference);
  fields.add("low", comparison.low);
  fields.add("high", comparison.high);
  fields.add("p_value", comparison.p_value);
  fields.add("tasks", comparison.tasks);
}

void describe(GlueBaseline& baseline, io::JsonFields& fields) {
  fields.add("run", baseline.run);
  fields.add("model", baseline.model);
  fields.add_unless_empty("settings", baseline.settings);
  fields.add("tasks", baseline.tasks);
  fields.add("without_cola", baseline.without_cola);
  fields.add("with_cola", baseline.with_cola);
}

void describe(GlueSubmission& submission, io::JsonFields& fields) {
  fields.add("files", submission.files);
  fields.add("warnings", submission.warnings);
}

void describe(GlueResults& results, io::JsonFields& fields) {
  fields.add("model", results.model);
  fields.add("epoch", results.epoch);
  fields.add("seeds", results.seeds);
  fields.add("complete", results.complete);
  fields.add("tasks", results.tasks);
  fields.add("skipped", results.skipped);
  fields.add("average", results.average);
  fields.add_unless_empty("submission", results.submission);
  fields.add_unless_empty("baseline", results.baseline);
}

void describe(ComparedSet& set, io::JsonFields& fields) {
  fields.add("set", set.set);
}

void describe(ComparedTraining& training, io::JsonFields& fields) {
  fields.add("folder", training.folder);
}

void describe(ComparedTask& task, io::JsonFields& fields) {
  fields.add("score", task.score);
  fields.add("scores", task.scores);
  fields.add("runs", task.runs);
}

void describe(ComparedResults& results, io::JsonFields& fields) {
  fields.add("model", results.model);
  fields.add("epoch", results.epoch);
  fields.add("tasks", results.tasks);
}

const GlueTaskScores* GlueResults::find(const std::string& task) const {
  const auto found = std::find_if(tasks.begin(), tasks.end(), [&](const auto& t) { return t.first == task; });
  return found == tasks.end() ? nullptr : &found->second;
}

}  // namespace espalier::glue
