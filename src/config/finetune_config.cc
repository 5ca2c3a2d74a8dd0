#include "espalier/config/finetune_config.h"

#include <fmt/format.h>

#include "espalier/base/error.h"

namespace espalier::config {

using nn::Pooler;

static void describe_task(TaskConfig& task, Fields& fields) {
  fields.add(
      "task.name", task.name,
      "A GLUE task (cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli), read from task.dir, or custom, read "
      "from task.train and task.dev.");
  fields.add("task.dir", task.dir, "The task's folder in the official GLUE layout (train.tsv, dev.tsv).");
  fields.add("task.train", task.train, "custom: training file, .tsv, .csv or .jsonl, with a header.");
  fields.add("task.dev", task.dev, "custom: evaluation file of the same kind.");
  fields.add("task.dev_fraction", task.dev_fraction,
             "custom: without task.dev, the share of the rows of task.train that is held out to evaluate on, "
             "of each "
             "class alike and the same whatever the seed.",
             fraction_below_one());
  fields.add("task.text", task.text, "custom: column of the text.");
  fields.add("task.text_pair", task.text_pair, "custom: column of the second text; empty for single texts.");
  fields.add("task.label", task.label, "custom: column of the label.");
  fields.add("task.regression", task.regression, "custom: the label is a number to predict, not a class.");
  fields.choice<std::string>(
      "task.format", task.format,
      {{"auto", "auto"}, {"tsv", "tsv"}, {"csv", "csv"}, {"jsonl", "jsonl"}, {"txt", "txt"}},
      "custom: what the files hold; auto: by their extensions. A table between tabs whose fields are "
      "quoted is a csv with task.separator=tab.");
  fields.add(
      "task.separator", task.separator,
      "custom: between the fields of a .tsv, .csv or .txt: auto (tab in .tsv, comma in .csv), tab, comma, "
      "semicolon, pipe or the character. Quotes enclose fields in .csv, elsewhere they are text.");
  fields.add("task.header", task.header,
             "custom: the first line names the columns; false: it is a row, and columns go by number "
             "(task.text=1).");
  fields.choice("task.on_bad_record", task.skip_bad_records, {{"stop", false}, {"skip", true}},
                "custom: at a row that cannot be read (wrong number of fields, broken JSON, no label): "
                "stop, or leave it out, counted.");
  fields.add("task.class_weights", task.class_weights,
             "Weights of classes in the training loss: balanced (rows / (classes * rows of the class)), or a "
             "list of CLASS=WEIGHT, 1 for those not named; empty: 1 each. Scores are unweighted.");
}

void describe_recipe(FinetuneConfig& config, Fields& fields) {
  fields.add("task.max_train", config.task.max_train,
             "Use only this many training rows, drawn by the seed; 0: all.", at_least(0));
  fields.choice("head.pooler", config.head.pooler,
                {{"zero_index", Pooler::kFirst}, {"avg", Pooler::kAverage}},
                "State the head sees: that of position 0, or the mean over all positions, in training "
                "padding included.");
  fields.add(
      "head.head_dim", config.head.head_dim,
      "Width of the head's hidden layer; 0: that of the model, so that the head begins with the pooler of a "
      "BERT which has one.",
      at_least(0));
  fields.choice("head.activation", config.head.activation,
                {{"tanh", nn::HeadActivation::kTanh}, {"relu", nn::HeadActivation::kRelu}},
                "Of the head's hidden layer: tanh (the original, BERT) or relu (DistilBERT).");
  fields.add("head.dropout", config.head.dropout, "Dropout before the last layer.", fraction_below_one());
  describe_routing(config.routing, RoutingUse::kFinetuning, fields);
  describe_optimizer(config.optimizer, fields);
  describe_schedule(config.schedule, config.warmup, fields);
  fields.add("train.epochs", config.epochs, "Passes over the training data.", above(0));
  fields.add(
      "train.max_steps", config.max_steps,
      "Stop after this many updates, whatever train.epochs, by which the learning rate's schedule goes on; "
      "0: no limit. An evaluation there, within an epoch, is the best only where there is no other. "
      "With glue: in each training.",
      at_least(0));
  fields.add("train.batch_size", config.batch_size, "Examples of an update.", at_least(1));
  fields.add("train.gradient_groups", config.gradient_groups,
             "Parts of an update whose gradients are summed one by one and then in a fixed tree: as many "
             "processes as there "
             "are parts can share an update, with the same bits as one. 0: one part.",
             at_least(0));
  fields.add("train.max_length", config.max_length,
             "Tokens of an example at most; of a longer pair the longer part is cut first.", at_least(4));
  fields.add("train.bucket_by_length", config.bucket_by_length,
             "Batches of examples of like length, in random order: less padding. (Evaluation always does.)");
  fields.add("train.dropout", config.dropout, "Use the architecture's dropout.");
  describe_precision(config.precision, fields);
  fields.add(
      "train.frozen_layers", config.frozen_layers,
      "So many of the lowest layers keep their weights, and with them the embedding; 0: everything learns.",
      at_least(0));
  fields.add("train.detect_anomaly", config.detect_anomaly,
             "Check every operation's result and name the first that is not finite (slow).");
  fields.add("eval.bootstrap", config.bootstrap,
             "Resamples of the evaluation rows behind each score's 95 % interval; 0: no intervals.",
             between(0, 1e6));
  fields.add("log.steps", config.log_steps, "Updates between lines of metrics.jsonl.", at_least(1));
  fields.add("log.lines", config.log_lines,
             "Logs with each of them which lines of the training file its batch held, in their order.");
  describe_tensorboard(config.tensorboard, fields);
}

void describe(FinetuneConfig& config, Fields& fields) {
  fields.add("model", config.model,
             "MODEL to start from: a checkpoint, a run folder or a Hugging Face folder.");
  fields.add("run", config.run, "Folder of the run: results, predictions, checkpoint.");
  fields.add(
      "resume", config.resume,
      "auto: continue the run folder where it stopped, if what it read holds the same as then, by whatever "
      "path; never: refuse a run folder that holds a run; or a checkpoint file to continue from.");
  fields.add("seed", config.seed, "Key of every random draw: head, order, dropout.");
  describe_task(config.task, fields);
  describe_recipe(config, fields);
  fields.remember("", config.given);
}

void refuse_custom_keys(const FinetuneConfig& config) {
  const std::vector<Setting> defaults = settings_of(FinetuneConfig());
  const std::vector<Setting> own = settings_of(config);
  for (std::size_t i = 0; i < own.size(); ++i) {
    const std::string& key = own[i].key;
    if (!key.starts_with("task.") || key == "task.name" || key == "task.dir" || key == "task.max_train" ||
        key == "task.class_weights" || own[i].values == defaults[i].values) {
      continue;
    }
    throw InputError(key + " goes with task.name: custom; the files of the GLUE task " + config.task.name +
                     ", read from task.dir, have columns and labels of their own");
  }
}

void validate_recipe(const FinetuneConfig& config) {
  validate(config.routing);
  ops::require_fast(config.precision, "train.precision");
  if (config.routing.mode == Routing::kFrozen && config.optimizer.weight_decay > 0) {
    throw InputError(
        "routing.mode: frozen keeps the weights of nodes that decide, which train.weight_decay would shrink: "
        "set train.weight_decay: 0");
  }
}

static void require_custom_files(const TaskConfig& task) {
  if (task.train.empty()) {
    throw InputError("task.train is missing: task.name custom trains on a .tsv, .csv or .jsonl of one's own");
  }
  if (task.dev.empty() == (task.dev_fraction > 0)) return;
  throw InputError(task.dev.empty()
                       ? "task.dev is missing: a file like task.train to evaluate on; or "
                         "task.dev_fraction=0.1 holds out a tenth of its rows"
                       : "task.dev_fraction holds out rows of task.train where there is no task.dev: give "
                         "one of them");
}

void validate(const FinetuneConfig& config) {
  validate_recipe(config);
  if (config.model.empty()) throw InputError("`model` is missing: the MODEL to start from");
  if (config.run.empty()) throw InputError("`run` is missing: the folder to write the run to");
  if (config.task.name == "custom") {
    require_custom_files(config.task);
    if (!config.task.dir.empty()) {
      throw InputError(
          "task.dir goes with a GLUE task as task.name; custom reads the files task.train and task.dev");
    }
  } else if (config.task.dir.empty()) {
    throw InputError("task.dir is missing: the folder of the GLUE task " + config.task.name);
  }
}

ResumeRule finetune_resume_rule(const std::string& key) {
  if (key == "model" || key == "task.dir" || key == "task.train" || key == "task.dev")
    return ResumeRule::kInput;
  const bool free = key == "run" || key == "resume" || key == "eval.bootstrap" ||
                    key == "train.detect_anomaly" || key == "train.max_steps" || key.starts_with("log.");
  return free ? ResumeRule::kFree : ResumeRule::kSame;
}

}  // namespace espalier::config
