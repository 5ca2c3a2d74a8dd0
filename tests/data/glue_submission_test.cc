#include "espalier/data/glue_submission.h"

#include <doctest/doctest.h>

#include <set>

#include "espalier/data/glue_published.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::error_of;
using testing::Ids;

std::string check(const std::string& name, const std::string& text) {
  const SubmissionFile file{name, text};
  return error_of([&] { check_submission({&file, 1}); });
}

}  // namespace

TEST_CASE("the tables of the eleven files") {
  CHECK(submission_text(find_glue_task("cola"), Ids{1, 0}, {}) == "index\tprediction\n0\t1\n1\t0\n");
  CHECK(submission_text(find_glue_task("mnli"), Ids{2, 0, 1}, {}) ==
        "index\tprediction\n0\tcontradiction\n1\tentailment\n2\tneutral\n");
  CHECK(submission_text(find_glue_task("rte"), Ids{1}, {}) == "index\tprediction\n0\tnot_entailment\n");
  // Out of the scale of the labels: cut.
  CHECK(submission_text(find_glue_task("stsb"), {}, std::vector<double>{2.34567, -1, 7}) ==
        "index\tprediction\n0\t2.346\n1\t0.000\n2\t5.000\n");
  CHECK(submission_names().size() == 11);
  CHECK(submission_names().front() == "CoLA.tsv");
}

TEST_CASE("a whole submission of the official sizes has nothing to warn of, any other has") {
  std::vector<SubmissionFile> files;
  for (const GlueTask& task : glue_tasks()) {
    for (const GlueFile& file : task.test_files()) {
      const auto rows = static_cast<std::size_t>(file.official_rows);
      files.push_back(
          {file.submission, submission_text(task, Ids(task.regression ? 0 : rows, 1),
                                            std::vector<double>(task.regression ? rows : 0, 2.5))});
    }
  }
  CHECK(files.size() == 11);
  CHECK(check_submission(files).empty());
  std::vector<SubmissionFile> some = {files[0], {"RTE.tsv", "index\tprediction\n0\tentailment\n"}};
  const std::vector<std::string> warnings = check_submission(some);
  REQUIRE(warnings.size() == 2);
  CHECK(warnings[0] == "RTE.tsv: 1 rows, but the official test file has 3000: the server will refuse it");
  CHECK(warnings[1].starts_with("9 of the 11 files are missing, which the server expects: SST-2.tsv, "));
  files.push_back(files[0]);
  CHECK(error_of([&] { check_submission(files); }) == "CoLA.tsv: given twice");
}

TEST_CASE("a wrong name, header, index or prediction is named with its line") {
  CHECK(check("cola.tsv", "index\tprediction\n")
            .starts_with("cola.tsv: no file of a GLUE submission; these are"));
  CHECK(check("CoLA.tsv", "") == "CoLA.tsv: the file is empty; expected the header index<TAB>prediction");
  CHECK(check("CoLA.tsv", "id\tprediction\n0\t1\n") ==
        "CoLA.tsv: line 1: expected the header index<TAB>prediction, found `id\tprediction`");
  CHECK(check("CoLA.tsv", "index\tprediction\n1\t1\n") ==
        "CoLA.tsv: line 2: expected the index 0, found `1\t1`");
  CHECK(check("CoLA.tsv", "index\tprediction\n0\tyes\n") ==
        "CoLA.tsv: line 2: expected a prediction, one of 0, 1, found `0\tyes`");
  CHECK(check("STS-B.tsv", "index\tprediction\n0\t5.1\n") ==
        "STS-B.tsv: line 2: expected a number in 0 .. 5, found `0\t5.1`");
  CHECK(check("CoLA.tsv", "index\tprediction\n0\t1") ==
        "CoLA.tsv: line 2: expected a line end, found `0\t1`");
}

TEST_CASE("the published averages follow from the published scores, MNLI counted twice") {
  CHECK(published_glue().size() == 7);
  for (const PublishedGlue& row : published_glue()) {
    INFO(row.model);
    REQUIRE(row.scores.size() == glue_columns().size());
    const std::vector<std::optional<double>> scores(row.scores.begin(), row.scores.end());
    // Rounded figures, and of MNLI only one of two (BERT-base's differ the most).
    CHECK(std::abs(*glue_average(scores, false) - row.average_without_cola) < 0.12);
    CHECK(std::abs(*glue_average(scores, true) - row.average) < 0.14);
  }
  std::vector<std::optional<double>> scores(glue_columns().size(), 50.0);
  CHECK(*glue_average(scores, true) == 50.0);
  scores[4] = 68.0;
  CHECK(*glue_average(scores, true) == doctest::Approx(54.0));
  CHECK(*glue_average(scores, false) == doctest::Approx(54.5));
  scores.back() = std::nullopt;
  CHECK(glue_average(scores, false).has_value());
  CHECK_FALSE(glue_average(scores, true).has_value());
}

}  // namespace espalier::data
