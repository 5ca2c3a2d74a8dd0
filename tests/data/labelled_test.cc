#include "espalier/data/labelled.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "espalier/base/error.h"
#include "tests/data/labelled_support.h"
#include "tests/support/support.h"

namespace espalier::data {
namespace {

using testing::Strings;

std::vector<std::int32_t> classes_of(const LabelledData& data) {
  std::vector<std::int32_t> classes;
  for (const Example& row : data.rows) classes.push_back(row.label);
  return classes;
}

std::string labelled_failure(const std::filesystem::path& path, const LabelledColumns& columns,
                             const LabelSet* known = nullptr) {
  return testing::without_folder(testing::error_of([&] { read_labelled(path, columns, known); }),
                                 path.parent_path());
}

}  // namespace

TEST_CASE("classes come from the training file, sorted") {
  const testing::TempDir dir;
  const auto data = read_labelled(dir.write("t.tsv", "sentence\tlabel\na\tpos\nb\t neg \nc\tpos\n"), {});
  CHECK(data.labels.names() == Strings{"neg", "pos"});
  CHECK(classes_of(data) == std::vector<std::int32_t>{1, 0, 1});
  CHECK(data.has_labels);
  CHECK_FALSE(data.pairs);
  CHECK(data.rows[1].text == "b");
  CHECK(data.rows[1].line == 3);
  CHECK(class_counts(data) == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("numeric classes are sorted by value") {
  CHECK(LabelSet::discovered({"10", "2", "-1", "1"}).names() == Strings{"-1", "1", "2", "10"});
  CHECK(LabelSet::discovered({"10", "2", "x"}).names() == Strings{"10", "2", "x"});
}

TEST_CASE("numbers are classes by value, the shortest spelling is the name") {
  CHECK(LabelSet::discovered({"1", "1.0", "0.0", "0", "+2", "2.50", "2.5"}).names() ==
        Strings{"0", "1", "+2", "2.5"});
  const LabelSet pandas(Strings{"0.0", "1.0"});
  CHECK(pandas.find("1") == 1);
  CHECK(pandas.find("0") == 0);
  CHECK(pandas.find("-0e5") == 0);
  CHECK(pandas.find("0.00e-9223372036854775808") == 0);
  CHECK(pandas.find("0.001E3") == 1);
  CHECK(pandas.find("10e-1") == 1);
  CHECK(pandas.find("0.5") == -1);
  CHECK(pandas.find("one") == -1);
  // Beside what is no number too.
  const LabelSet mixed = LabelSet::discovered({"1", "1.0", "none", "1.0.1"});
  CHECK(mixed.names() == Strings{"1", "1.0.1", "none"});
  CHECK(mixed.find("1.0") == 0);
  CHECK(mixed.find("None") == -1);
  // Codes with leading zeros, and whole numbers that doubles cannot tell apart.
  CHECK(LabelSet::discovered({"1", "01"}).size() == 2);
  CHECK(LabelSet::discovered({"9007199254740992", "9007199254740993"}).size() == 2);
  // A model that was trained when they were two.
  const LabelSet old(Strings{"1", "1.0"});
  CHECK(old.find("1.0") == 1);
  CHECK(old.find("1.00") == 0);
}

TEST_CASE("labels that JSON types differently, or a CSV writes differently in train and dev") {
  const testing::TempDir dir;
  const auto train =
      read_labelled(dir.write("t.jsonl",
                              "{\"sentence\":\"a\",\"label\":1}\n{\"sentence\":\"b\",\"label\":1.0}\n"
                              "{\"sentence\":\"c\",\"label\":\"1\"}\n{\"sentence\":\"d\",\"label\":-0.0}\n"),
                    {});
  CHECK(train.labels.names() == Strings{"0", "1"});
  CHECK(classes_of(train) == std::vector<std::int32_t>{1, 1, 1, 0});
  const auto dev = read_labelled(dir.write("d.csv", "label,sentence\n0.0,a\n1.0,b\n"), {}, &train.labels);
  CHECK(classes_of(dev) == std::vector<std::int32_t>{0, 1});
}

TEST_CASE("labels that cannot be the name of a class") {
  const testing::TempDir dir;
  CHECK(labelled_failure(dir.write("l.tsv", "sentence\tlabel\na\tgood\nb\tf\xE5r\n"), {})
            .starts_with("l.tsv: line 3: the label `f\xEF\xBF\xBDr` is not UTF-8; convert the file"));
  CHECK(labelled_failure(dir.write("q.csv", "sentence,label\na,good\nb,\"very\nbad\"\n"), {})
            .starts_with("q.csv: line 3: the label `very bad` holds a tab or a line end"));
  CHECK(labelled_failure(
            dir.write("n.jsonl", "{\"sentence\":\"a\",\"label\":1}\n{\"sentence\":\"b\",\"label\":null}\n"),
            {}) == "n.jsonl: line 2: `label` must be a string or a number, found null");
}

TEST_CASE("bad rows are left out if asked; an unknown class never is") {
  const testing::TempDir dir;
  LabelledColumns columns;
  columns.table.on_bad_record = OnBadRecord::kSkip;
  const auto data =
      read_labelled(dir.write("t.tsv", "sentence\tlabel\na\tx\nb\nc\t \nd\ty\ne\t\xFF\n"), columns);
  CHECK(data.rows.size() == 2);
  CHECK(classes_of(data) == std::vector<std::int32_t>{0, 1});
  CHECK(data.left_out.count() == 3);
  CHECK(data.left_out.text().starts_with("3 records left out (lines 3, 4, 6; "));
  CHECK(labelled_failure(dir.write("d.tsv", "sentence\tlabel\na\tz\n"), columns, &data.labels) ==
        "label `z` at d.tsv:2 was never seen in training; known: x, y");
  columns.regression = true;
  CHECK(read_labelled(dir.write("r.tsv", "sentence\tlabel\na\t1\nb\tnan\n"), columns).left_out.count() == 1);
}

TEST_CASE("CSV and JSON lines with a pair of texts") {
  const testing::TempDir dir;
  LabelledColumns columns;
  columns.text = "q";
  columns.text_pair = "a";
  columns.label = "ok";
  for (const auto& path : {dir.write("t.csv", "a,q,ok\n\"yes, so\",why?,0\nno,how?,1\n"),
                           dir.write("t.jsonl",
                                     "{\"q\":\"why?\",\"a\":\"yes, so\",\"ok\":0}\n"
                                     "{\"q\":\"how?\",\"a\":\"no\",\"ok\":1}\n")}) {
    const auto data = read_labelled(path, columns);
    REQUIRE(data.rows.size() == 2);
    CHECK(data.pairs);
    CHECK(data.rows[0].text == "why?");
    CHECK(data.rows[0].text_pair == "yes, so");
    CHECK(data.labels.names() == Strings{"0", "1"});
    CHECK(classes_of(data) == std::vector<std::int32_t>{0, 1});
  }
}

TEST_CASE("a label never seen in training") {
  const testing::TempDir dir;
  const LabelSet known(Strings{"neg", "pos"});
  CHECK(labelled_failure(dir.write("dev.tsv", "sentence\tlabel\na\tneg\nb\tx\n"), {}, &known) ==
        "label `x` at dev.tsv:3 was never seen in training; known: neg, pos");
}

TEST_CASE("regression targets are finite numbers") {
  const testing::TempDir dir;
  LabelledColumns columns;
  columns.regression = true;
  const auto data =
      read_labelled(dir.write("t.tsv", "sentence\tlabel\na\t-1.25\nb\t+3e-1\nc\t 2 \n"), columns);
  CHECK(data.regression);
  CHECK(data.labels.size() == 0);
  CHECK(data.rows[0].value == -1.25F);
  CHECK(data.rows[1].value == 0.3F);
  CHECK(data.rows[2].value == 2.0F);
  for (const std::string bad : {"good", "nan", "inf", "1e999", "1,5", "0x10"}) {
    CHECK(labelled_failure(dir.write("bad.tsv", "sentence\tlabel\na\t1\nb\t" + bad + "\n"), columns) ==
          "bad.tsv: line 3: expected a finite number as label (this is a regression), found `" + bad + "`");
  }
  CHECK(labelled_failure(dir.write("bad.tsv", "sentence\tlabel\na\t3e38\nb\t-1e39\n"), columns)
            .starts_with(
                "bad.tsv: line 3: expected a label of at most 3.4e38, which a 32-bit number can hold"));
}

TEST_CASE("what cannot be trained on") {
  const testing::TempDir dir;
  CHECK(
      labelled_failure(dir.write("one.tsv", "sentence\tlabel\na\tx\nb\tx\n"), {}) ==
      "one.tsv: all 2 rows have the label `x`; a classifier needs rows of two classes or more to learn from");
  CHECK(labelled_failure(dir.write("none.tsv", "sentence\tlabel\n"), {}) ==
        "none.tsv: the file has a header but no rows");
  CHECK(labelled_failure(dir.write("blank.tsv", "sentence\tlabel\na\t \nb\t1\n"), {}) ==
        "blank.tsv: line 2: the column `label` is empty");
  CHECK(labelled_failure(dir.write("empty.tsv", "sentence\tlabel\n\tx\n \ty\n"), {}) ==
        "empty.tsv: the column `sentence` (task.text) is empty in all 2 rows; name the column of texts");
  LabelledColumns pairs;
  pairs.text_pair = "b";
  CHECK(labelled_failure(dir.write("half.tsv", "sentence\tb\tlabel\na\t\tx\nb\t\ty\n"), pairs)
            .starts_with("half.tsv: the column `b` (task.text_pair) is empty in all 2 rows"));
  CHECK(labelled_failure(dir.write("other.tsv", "text\tlabel\na\t1\n"), {}) ==
        "other.tsv: no column `sentence` (task.text); the columns are: text, label");
  CHECK(testing::error_of([&] { read_labelled(dir / "absent.tsv", {}); }).find("absent.tsv") !=
        std::string::npos);
}

TEST_CASE("a file without labels can be read for prediction") {
  const testing::TempDir dir;
  LabelledColumns columns;
  columns.label = "";
  const auto data = read_labelled(dir.write("t.tsv", "index\tsentence\n0\ta\n1\tb\n"), columns);
  CHECK_FALSE(data.has_labels);
  CHECK(data.rows.size() == 2);
}

TEST_CASE("a subsample is drawn from everywhere, in file order, and is a function of the seed") {
  std::string text = "sentence\tlabel\n";
  for (int i = 0; i < 1000; ++i) text += std::to_string(i) + "\t" + std::to_string(i >= 500) + "\n";
  const testing::TempDir dir;
  const LabelledData all = read_labelled(dir.write("t.tsv", text), {});
  const auto lines = [&](std::int64_t count, std::uint64_t seed) {
    LabelledData data = all;
    subsample(data, count, seed);
    std::vector<std::uint64_t> result;
    for (const Example& row : data.rows) result.push_back(row.line);
    return result;
  };
  CHECK(lines(100, 1).size() == 100);
  CHECK(lines(100, 1) == lines(100, 1));
  CHECK(lines(100, 1) != lines(100, 2));
  const auto some = lines(100, 1);
  CHECK(std::is_sorted(some.begin(), some.end()));
  CHECK(std::set<std::uint64_t>(some.begin(), some.end()).size() == 100);
  const auto late = std::count_if(some.begin(), some.end(), [](std::uint64_t line) { return line > 501; });
  CHECK(late > 30);
  CHECK(late < 70);
  CHECK(lines(0, 1).size() == 1000);
  CHECK(lines(5000, 1).size() == 1000);
}

}  // namespace espalier::data
