// The table of tasks.
#include "espalier/data/glue.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/joined.h"
#include "espalier/base/error.h"

namespace espalier::data {
namespace {

struct SplitRows {
  std::int64_t train, dev, test;
};

std::vector<GlueFile> three_files(const std::string& folder, const SplitRows& rows) {
  return {{"train", {"train.tsv"}, "", "", rows.train},
          {"dev", {"dev.tsv"}, "", "", rows.dev},
          {"test", {"test.tsv"}, "", folder + ".tsv", rows.test}};
}

std::vector<GlueFile> mnli_files() {
  // The diagnostics set comes as a file or folder of its own, beside the task's.
  return {{"train", {"train.tsv"}, "", "", 392702},
          {"dev_matched", {"dev_matched.tsv"}, "", "", 9815},
          {"dev_mismatched", {"dev_mismatched.tsv"}, "_mm", "", 9832},
          {"test_matched", {"test_matched.tsv"}, "", "MNLI-m.tsv", 9796},
          {"test_mismatched", {"test_mismatched.tsv"}, "_mm", "MNLI-mm.tsv", 9847},
          {"ax",
           {"../diagnostic/diagnostic.tsv", "../AX/diagnostic.tsv", "../AX/AX.tsv", "../AX.tsv",
            "diagnostic.tsv", "AX.tsv"},
           "_ax",
           "AX.tsv",
           1104}};
}

GlueTask task_of(const std::string& name, const std::string& folder, const SplitRows& rows) {
  GlueTask task;
  task.name = name;
  task.folder = folder;
  task.metrics = {"accuracy"};
  task.labels = {"0", "1"};
  task.text = "sentence1";
  task.text_pair = "sentence2";
  task.label = "label";
  task.files = three_files(folder, rows);
  return task;
}

std::vector<GlueTask> make_tasks() {
  GlueTask cola = task_of("cola", "CoLA", {8551, 1043, 1063});
  cola.text = "sentence";
  cola.text_pair = "";
  cola.metrics = {"matthews_correlation", "accuracy"};

  GlueTask sst2 = task_of("sst2", "SST-2", {67349, 872, 1821});
  sst2.text = "sentence";
  sst2.text_pair = "";

  GlueTask mrpc = task_of("mrpc", "MRPC", {3668, 408, 1725});
  mrpc.text = "#1 String";
  mrpc.text_pair = "#2 String";
  mrpc.label = "Quality";
  mrpc.metrics = {"f1", "accuracy"};

  GlueTask stsb = task_of("stsb", "STS-B", {5749, 1500, 1379});
  stsb.label = "score";
  stsb.regression = true;
  stsb.labels = {};
  stsb.metrics = {"pearson", "spearmanr"};

  GlueTask qqp = task_of("qqp", "QQP", {363846, 40430, 390965});
  qqp.text = "question1";
  qqp.text_pair = "question2";
  qqp.label = "is_duplicate";
  qqp.metrics = {"f1", "accuracy"};

  GlueTask mnli = task_of("mnli", "MNLI", {});
  mnli.label = "gold_label";
  mnli.labels = {"entailment", "neutral", "contradiction"};
  mnli.files = mnli_files();

  GlueTask qnli = task_of("qnli", "QNLI", {104743, 5463, 5463});
  qnli.text = "question";
  qnli.text_pair = "sentence";
  qnli.labels = {"entailment", "not_entailment"};

  GlueTask rte = task_of("rte", "RTE", {2490, 277, 3000});
  rte.labels = {"entailment", "not_entailment"};

  const GlueTask wnli = task_of("wnli", "WNLI", {635, 71, 146});
  return {cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli};
}

// "STS-B" -> "stsb".
std::string plain_name(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c == '-' || c == '_') continue;
    result += c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  }
  return result;
}

const GlueTask* find_task(std::string_view name) {
  for (const GlueTask& task : glue_tasks()) {
    if (task.name == plain_name(name)) return &task;
  }
  return nullptr;
}

std::vector<GlueFile> files_with_prefix(const GlueTask& task, const std::string& prefix) {
  std::vector<GlueFile> files;
  for (const GlueFile& file : task.files) {
    if (file.split.starts_with(prefix)) files.push_back(file);
  }
  return files;
}

}  // namespace

std::vector<GlueFile> GlueTask::dev_files() const {
  return files_with_prefix(*this, "dev");
}

std::vector<GlueFile> GlueTask::test_files() const {
  std::vector<GlueFile> result;
  for (const GlueFile& file : files) {
    if (!file.submission.empty()) result.push_back(file);
  }
  return result;
}

const std::vector<GlueTask>& glue_tasks() {
  static const std::vector<GlueTask> tasks = make_tasks();
  return tasks;
}

bool is_glue_task(std::string_view name) {
  return find_task(name) != nullptr;
}

const GlueTask& find_glue_task(std::string_view name) {
  const GlueTask* task = find_task(name);
  if (task != nullptr) return *task;
  throw InputError(
      fmt::format("unknown GLUE task `{}`; known: {}", name, joined(glue_tasks(), ", ", &GlueTask::name)));
}

std::vector<std::string> custom_metrics(std::int32_t classes, bool regression) {
  if (regression) return {"pearson", "spearmanr", "mse"};
  return {"accuracy", classes == 2 ? "f1" : "f1_macro", "matthews_correlation"};
}

}  // namespace espalier::data
