// The real files, where $ESPALIER_DATA names a folder that holds them.
#include <doctest/doctest.h>

#include <cstdlib>
#include <map>

#include "espalier/data/glue.h"
#include "tests/support/support.h"

namespace espalier::data {

TEST_CASE("row and class counts of the real GLUE files are the published ones") {
  const char* root = std::getenv("ESPALIER_DATA");
  if (root == nullptr || !std::filesystem::is_directory(std::filesystem::path(root) / "glue")) {
    testing::skip_test("ESPALIER_DATA does not name a folder with glue/");
    return;
  }
  const std::filesystem::path folder = std::filesystem::path(root) / "glue";
  int files = 0, complete = 0;
  for (const GlueTask& task : glue_tasks()) {
    for (const GlueFile& file : task.files) {
      if (find_glue_file(task, folder, file.split).empty()) continue;
      INFO(task.folder << " " << file.split);
      const LabelledData data = read_glue(task, folder, file.split);
      // Subsets are allowed, more rows than there are in the official file are not.
      CHECK(static_cast<std::int64_t>(data.rows.size()) <= file.official_rows);
      CHECK(data.rows.size() > 50);
      for (const Example& row : data.rows) {
        if (row.text.find_first_not_of(' ') == std::string::npos) FAIL("empty text in line " << row.line);
        if (task.regression && !(row.value >= 0 && row.value <= 5)) FAIL("score out of 0 .. 5: " << row.line);
      }
      ++files;
      complete += static_cast<std::int64_t>(data.rows.size()) == file.official_rows;
    }
  }
  MESSAGE(files << " files read, " << complete << " with the official number of rows");
  CHECK(files >= 1);
  // Class counts that the authors published, for files that are complete wherever they are at all.
  const auto count = [&](const char* name, const char* split, std::size_t label) {
    const GlueTask& task = find_glue_task(name);
    if (find_glue_file(task, folder, split).empty()) return std::int64_t{-1};
    return class_counts(read_glue(task, folder, split)).at(label);
  };
  const std::map<std::pair<std::string, std::string>, std::int64_t> positives = {{{"cola", "train"}, 6023},
                                                                                 {{"mrpc", "dev"}, 279}};
  for (const auto& [file, expected] : positives) {
    const std::int64_t found = count(file.first.c_str(), file.second.c_str(), 1);
    CHECK_UNARY(found == expected || found == -1);
  }
  const std::int64_t entailment = count("rte", "dev", 0);
  CHECK_UNARY(entailment == 146 || entailment == -1);
}

}  // namespace espalier::data
