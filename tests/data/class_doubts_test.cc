#include "data/class_doubts.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::Strings;

// A training set with `counts[i]` rows of the class names[i].
LabelledData with(const std::vector<std::string>& names, const std::vector<int>& counts) {
  LabelledData data;
  data.source = "t.tsv";
  data.has_labels = true;
  data.labels = LabelSet(names);
  for (std::size_t i = 0; i < names.size(); ++i) {
    for (int row = 0; row < counts[i]; ++row)
      data.rows.push_back({"x", "", static_cast<std::int32_t>(i), 0, 1});
  }
  return data;
}

std::vector<std::string> doubts(const std::vector<std::string>& names, int rows) {
  return class_doubts(with(names, std::vector<int>(names.size(), rows)));
}

}  // namespace

TEST_CASE("ordinary classes raise no doubt") {
  CHECK(doubts({"bad", "good"}, 60).empty());
  CHECK(doubts({"0", "1", "2", "3", "4"}, 20).empty());
  CHECK(doubts({"0.0", "1.0"}, 20).empty());
  CHECK(doubts({"a", "b"}, 1).empty());
  LabelledData regression = with({}, {});
  regression.regression = true;
  CHECK(class_doubts(regression).empty());
}

TEST_CASE("a column of ids") {
  Strings ids;
  for (int i = 0; i < 120; ++i) ids.push_back("id" + std::to_string(i));
  CHECK(doubts(ids, 1) ==
        Strings{"t.tsv: 120 classes in 120 rows: is this an id column, or a text? (task.label)"});
  CHECK(doubts(ids, 3).empty());
}

TEST_CASE("numbers that look like scores") {
  const auto found = doubts({"0.0", "0.4", "1.75"}, 9);
  REQUIRE(found.size() == 1);
  CHECK(found[0] ==
        "t.tsv: the 3 classes are numbers that look like scores: task.regression=true predicts the number");
  Strings percents;
  for (int i = 0; i <= 100; ++i) percents.push_back(std::to_string(i));
  CHECK(doubts(percents, 9).size() == 1);
  CHECK(doubts({"0.0", "0.4", "other"}, 9).empty());
  // Each of them in a row of its own, as measured values are.
  Strings values;
  for (int i = 1; i <= 100; ++i) values.push_back("0." + std::to_string(1000 + i));
  CHECK(doubts(values, 1) == Strings{"t.tsv: the 100 classes are numbers that look like scores: "
                                     "task.regression=true predicts the number"});
}

TEST_CASE("names in quotes") {
  CHECK(doubts({"\"bad\"", "\"good\""}, 9) ==
        Strings{"t.tsv: the names of all classes are in quotes, which are text in a .tsv: task.format=csv "
                "task.separator=tab reads a table whose fields are quoted"});
  CHECK(doubts({"\"bad\"", "good"}, 9).empty());
}

TEST_CASE("names that differ by case or blanks, shown so that they can be told apart") {
  CHECK(doubts({"Good", "bad", "good", "good\xC2\xA0"}, 9) ==
        Strings{"t.tsv: classes whose names differ by case or blanks only: `Good`, `good`, `good<U+00A0>`"});
  CHECK(doubts({"not good", "notgood", "\xC3\x89t\xC3\xA9", "\xC3\xA9t\xC3\xA9"}, 9)[0].find(
            "; `\xC3\x89t") != std::string::npos);
  CHECK(visible_name("a\xE2\x80\x8B"
                     "b c") == "a<U+200B>b c");
  CHECK(visible_name("\x1B[2J\xE2\x80\xAE\xC2\x9B") == "<U+001B>[2J<U+202E><U+009B>");
}

TEST_CASE("placeholders and classes of few rows") {
  CHECK(doubts({"-", "bad", "good"}, 9) ==
        Strings{"t.tsv: `-` stands for a missing label in many files, and is trained as a class here"});
  CHECK(doubts({"N/A", "NaN", "bad"}, 9)[0].find("`N/A`, `NaN` stand for") != std::string::npos);
  CHECK(class_doubts(with({"bad", "goood", "good"}, {60, 1, 60})) ==
        Strings{"t.tsv: `goood` has fewer than 5 rows"});
}

TEST_CASE("the summary counts, shortened") {
  CHECK(class_summary(with({"bad", "good"}, {3, 2})) == "2 classes: bad 3, good 2");
  Strings many;
  for (int i = 0; i < 25; ++i) many.push_back("c" + std::to_string(i));
  CHECK(class_summary(with(many, std::vector<int>(25, 1))).ends_with("c19 1 and 5 more"));
}

}  // namespace espalier::data
