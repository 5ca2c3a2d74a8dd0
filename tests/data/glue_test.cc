// The quirks of the official files, each in a small fixture.
#include "espalier/data/glue.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "espalier/base/error.h"
#include "espalier/metrics/metrics.h"
#include "tests/data/labelled_support.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::Strings;

LabelledData read(const testing::TempDir& dir, const std::string& task, const std::string& split) {
  return read_glue(find_glue_task(task), dir.path(), split);
}

// The message without the folder.
std::string glue_failure(const testing::TempDir& dir, const std::string& task, const std::string& split) {
  return testing::without_folder(testing::error_of([&] { read(dir, task, split); }), dir.path());
}

}  // namespace

TEST_CASE("tasks by either name, in any case") {
  CHECK(find_glue_task("SST-2").name == "sst2");
  CHECK(find_glue_task("sst-2").folder == "SST-2");
  CHECK(find_glue_task("stsb").folder == "STS-B");
  CHECK(is_glue_task("MNLI"));
  CHECK_FALSE(is_glue_task("custom"));
  CHECK(testing::error_of([] { find_glue_task("sst"); }) ==
        "unknown GLUE task `sst`; known: cola, sst2, mrpc, stsb, qqp, mnli, qnli, rte, wnli");
  CHECK(glue_tasks().size() == 9);
}

TEST_CASE("every task names known metrics, and the submission has its eleven files") {
  std::set<std::string> submission;
  std::int64_t rows = 0;
  for (const GlueTask& task : glue_tasks()) {
    CHECK(task.regression == task.labels.empty());
    CHECK_FALSE(task.dev_files().empty());
    for (const std::string& metric : task.metrics) {
      const auto& known = metrics::metric_names();
      CHECK(std::find(known.begin(), known.end(), metric) != known.end());
    }
    for (const GlueFile& file : task.test_files()) {
      submission.insert(file.submission);
      rows += file.official_rows;
    }
  }
  CHECK(submission == std::set<std::string>{"AX.tsv", "CoLA.tsv", "MNLI-m.tsv", "MNLI-mm.tsv", "MRPC.tsv",
                                            "QNLI.tsv", "QQP.tsv", "RTE.tsv", "SST-2.tsv", "STS-B.tsv",
                                            "WNLI.tsv"});
  CHECK(rows == 1104 + 1063 + 9796 + 9847 + 1725 + 5463 + 390965 + 3000 + 1821 + 1379 + 146);
  CHECK(find_glue_task("mnli").dev_files().size() == 2);
}

TEST_CASE("CoLA: no header in train and dev, a header in test, quotes are text") {
  const testing::TempDir dir;
  dir.write("CoLA/train.tsv", "gj04\t1\t\tOur friends won't buy \"this.\ngj04\t0\t*\tThey drank the pub.\n");
  dir.write("CoLA/test.tsv", "index\tsentence\n0\tBill whistled past the house.\n");
  const LabelledData train = read(dir, "cola", "train");
  REQUIRE(train.rows.size() == 2);
  CHECK(train.rows[0].text == "Our friends won't buy \"this.");
  CHECK(train.rows[0].line == 1);
  CHECK(train.rows[0].label == 1);
  CHECK(train.rows[1].label == 0);
  CHECK_FALSE(train.pairs);
  const LabelledData test = read(dir, "cola", "test");
  REQUIRE(test.rows.size() == 1);
  CHECK_FALSE(test.has_labels);
  CHECK(test.rows[0].text == "Bill whistled past the house.");
  dir.write("CoLA/dev.tsv", "sentence\tlabel\nx\t1\n");
  CHECK(glue_failure(dir, "cola", "dev") ==
        "CoLA/dev.tsv: line 1: expected 4 columns without header (source, label, mark, sentence), found 2");
}

TEST_CASE("SST-2: trailing blanks stay") {
  const testing::TempDir dir;
  dir.write("SST-2/train.tsv", "sentence\tlabel\nhide new secretions \t0\n");
  const LabelledData train = read(dir, "sst2", "train");
  CHECK(train.rows.at(0).text == "hide new secretions ");
  CHECK(train.labels.names() == Strings{"0", "1"});
}

TEST_CASE("MRPC: a byte-order mark, five columns, unpaired quotes") {
  const testing::TempDir dir;
  dir.write("MRPC/train.tsv",
            "\xEF\xBB\xBFQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\r\n"
            "1\t702876\t702977\tAmrozi called \" the witness\tReferring to him \" only\r\n");
  const LabelledData train = read(dir, "mrpc", "train");
  REQUIRE(train.rows.size() == 1);
  CHECK(train.pairs);
  CHECK(train.rows[0].text == "Amrozi called \" the witness");
  CHECK(train.rows[0].text_pair == "Referring to him \" only");
  CHECK(train.rows[0].label == 1);
  dir.write("MRPC/test.tsv", "index\t#1 ID\t#2 ID\t#1 String\t#2 String\n0\t1\t2\ta\tb\n");
  CHECK(read(dir, "mrpc", "test").rows.at(0).text_pair == "b");
}

TEST_CASE("STS-B: scores are floats") {
  const testing::TempDir dir;
  dir.write("STS-B/dev.tsv",
            "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2\tscore\n"
            "0\tg\tf\t2012\t1\tnone\tnone\tA plane.\tAn air plane.\t4.750\n");
  const LabelledData dev = read(dir, "stsb", "dev");
  CHECK(dev.regression);
  CHECK(dev.rows.at(0).value == 4.75F);
  CHECK(dev.labels.size() == 0);
  dir.write("STS-B/train.tsv", "sentence1\tsentence2\tscore\na\tb\thigh\n");
  CHECK(glue_failure(dir, "stsb", "train") ==
        "STS-B/train.tsv: line 2: expected a finite number as label (this is a regression), found `high`");
}

TEST_CASE("QQP: lines with missing columns are left out and listed, in train and dev only") {
  const testing::TempDir dir;
  dir.write("QQP/train.tsv",
            "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"
            "0\t1\t2\tHow?\tWhy?\t0\n"
            "1\t3\t4\tHow I can\n"
            "\n"
            "2\t5\t6\tWhat \"is\t\t1\n");
  const LabelledData train = read(dir, "qqp", "train");
  REQUIRE(train.rows.size() == 2);
  CHECK(train.rows[1].text == "What \"is");
  CHECK(train.rows[1].text_pair.empty());
  CHECK(train.rows[1].label == 1);
  REQUIRE(train.skipped.size() == 1);
  CHECK(train.skipped[0].line == 3);
  CHECK(train.skipped[0].reason == "expected 6 columns, found 4");
  dir.write("QQP/dev.tsv", "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\ta\tb\t0\t9\n");
  CHECK(glue_failure(dir, "qqp", "dev") == "QQP/dev.tsv: line 2: expected 6 columns, found 7");
  dir.write("QQP/test.tsv", "id\tquestion1\tquestion2\n0\ta\tb\n1\ta\n");
  CHECK(glue_failure(dir, "qqp", "test") ==
        "QQP/test.tsv: line 3: expected 3 columns (id, question1, question2), found 2");
}

TEST_CASE("MNLI: the label column by name, two dev files, the diagnostics set beside") {
  const testing::TempDir dir;
  dir.write("MNLI/train.tsv",
            "index\tsentence1\tsentence2\tlabel1\tgold_label\n0\ta\tb\tneutral\tcontradiction\n");
  dir.write("MNLI/dev_matched.tsv",
            "index\tsentence1\tsentence2\tlabel1\tlabel2\tgold_label\n0\ta\tb\tneutral\tx\tentailment\n");
  dir.write("MNLI/dev_mismatched.tsv", "sentence1\tsentence2\tgold_label\nc\td\tneutral\n");
  dir.write("diagnostic/diagnostic.tsv", "index\tsentence1\tsentence2\n0\te\tf\n");
  CHECK(read(dir, "mnli", "train").rows.at(0).label == 2);
  CHECK(read(dir, "mnli", "dev_matched").rows.at(0).label == 0);
  CHECK(read(dir, "mnli", "dev_mismatched").rows.at(0).label == 1);
  const LabelledData diagnostics = read(dir, "mnli", "ax");
  CHECK(diagnostics.rows.at(0).text == "e");
  CHECK_FALSE(diagnostics.has_labels);
  CHECK(glue_failure(dir, "mnli", "dev") ==
        "MNLI has no split `dev`; it has: train, dev_matched, dev_mismatched, test_matched, test_mismatched, "
        "ax");
}

TEST_CASE("QNLI, RTE, WNLI: columns and the order of the labels") {
  const testing::TempDir dir;
  dir.write("QNLI/dev.tsv", "index\tquestion\tsentence\tlabel\n0\tq\ts\tnot_entailment\n");
  dir.write("RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n");
  dir.write("WNLI/dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\t1\n");
  const LabelledData qnli = read(dir, "qnli", "dev");
  CHECK(qnli.rows.at(0).text == "q");
  CHECK(qnli.rows.at(0).text_pair == "s");
  CHECK(qnli.rows.at(0).label == 1);
  CHECK(read(dir, "rte", "dev").rows.at(0).label == 0);
  CHECK(read(dir, "wnli", "dev").rows.at(0).label == 1);
}

TEST_CASE("the task's own folder is as good as the folder of all tasks") {
  const testing::TempDir dir;
  dir.write("RTE/dev.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n");
  CHECK(read_glue(find_glue_task("rte"), dir / "RTE", "dev").rows.size() == 1);
  CHECK(find_glue_file(find_glue_task("rte"), dir.path(), "test").empty());
}

TEST_CASE("what is wrong with a file, and where") {
  const testing::TempDir dir;
  CHECK(glue_failure(dir, "rte", "dev").find("no file dev.tsv of the GLUE task RTE") != std::string::npos);
  dir.write("RTE/train.tsv", "");
  CHECK(glue_failure(dir, "rte", "train") ==
        "RTE/train.tsv: the file is empty; expected a first line with the names of the columns");
  dir.write("RTE/train.tsv", "index\tsentence1\tsentence2\tlabel\n");
  CHECK(glue_failure(dir, "rte", "train") == "RTE/train.tsv: the file has a header but no rows");
  dir.write("RTE/train.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\n");
  CHECK(glue_failure(dir, "rte", "train") ==
        "RTE/train.tsv: line 2: expected 4 columns (index, sentence1, sentence2, label), found 3");
  dir.write("RTE/train.tsv", "index\tsentence1\tsentence2\tlabel\n0\ta\tb\tmaybe\n");
  CHECK(glue_failure(dir, "rte", "train") ==
        "label `maybe` at RTE/train.tsv:2 is none of the task's; known: entailment, not_entailment");
  dir.write("RTE/train.tsv", "index\tpremise\thypothesis\tlabel\n0\ta\tb\tentailment\n");
  CHECK(glue_failure(dir, "rte", "train") ==
        "RTE/train.tsv: no column `sentence1` (RTE task); the columns are: index, premise, hypothesis, "
        "label; is it the file of another task?");
}

TEST_CASE("metrics of one's own data") {
  CHECK(custom_metrics(2, false) == Strings{"accuracy", "f1", "matthews_correlation"});
  CHECK(custom_metrics(5, false) == Strings{"accuracy", "f1_macro", "matthews_correlation"});
  CHECK(custom_metrics(0, true) == Strings{"pearson", "spearmanr", "mse"});
}

}  // namespace espalier::data
