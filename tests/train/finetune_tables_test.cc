// Fine-tuning on tables as people have them.
#include <doctest/doctest.h>

#include <set>

#include "espalier/io/checkpoint.h"
#include "espalier/model/loaded_model.h"
#include "espalier/train/finetuner.h"
#include "tests/support/support.h"
#include "tests/train/finetune_support.h"
#include "train/task_columns.h"

namespace espalier::train {
namespace {

using testing::FinetuneWorkspace;
using testing::read_text;

// 12 rows of two columns, without a header: a text of one half of the alphabet and its label.
std::string rows(const std::string& separator) {
  std::string text;
  for (int i = 0; i < 12; ++i)
    text += (i % 2 == 0 ? "a b c d" : "w x y z") + separator + (i % 2 == 0 ? "0" : "1.0") + "\n";
  return text;
}

config::FinetuneConfig table_config(const FinetuneWorkspace& work, const std::string& train,
                                    const std::string& dev, const std::vector<std::string>& more = {}) {
  std::vector<std::string> overrides = {"task.train=" + (work.dir / train).string(),
                                        "task.dev=" + (work.dir / dev).string(), "train.epochs=1"};
  overrides.insert(overrides.end(), more.begin(), more.end());
  return work.config("run", overrides);
}

}  // namespace

TEST_CASE("no header, another separator, a bad row: read as the keys say, counted in the results") {
  const FinetuneWorkspace work;
  work.dir.write("t.csv", rows(";") + "only a text\n");
  work.dir.write("d.csv", rows(";"));
  const io::Json all =
      io::to_json(finetune(table_config(work, "t.csv", "d.csv",
                                        {"task.separator=semicolon", "task.header=false", "task.text=1",
                                         "task.label=2", "task.on_bad_record=skip"})));
  CHECK(all.at("train_samples") == 12);
  CHECK(all.at("class_counts") ==
        io::Json{{"train", {{"0", 6}, {"1.0", 6}}}, {"dev", {{"0", 6}, {"1.0", 6}}}});
}

TEST_CASE("task.format: a table between tabs whose fields are quoted") {
  const FinetuneWorkspace work;
  std::string text = "\"text\"\t\"label\"\n";
  for (int i = 0; i < 12; ++i) text += i % 2 == 0 ? "\"a \"\"b\"\"\nc d\"\t\"0\"\n" : "\"w\tx y z\"\t\"1\"\n";
  work.dir.write("t.tsv", text);
  const io::Json all =
      io::to_json(finetune(table_config(work, "t.tsv", "t.tsv", {"task.format=csv", "task.separator=tab"})));
  CHECK(all.at("train_samples") == 12);
  CHECK(all.at("class_counts").at("train") == io::Json{{"0", 6}, {"1", 6}});
}

TEST_CASE("task.dev_fraction holds out rows of each class alike, the same for every seed") {
  const FinetuneWorkspace work;
  std::string text = "text\tlabel\n";
  for (int i = 0; i < 40; ++i) text += std::string(i % 4 == 0 ? "a b\trare\n" : "y z\tusual\n");
  work.dir.write("t.tsv", text);
  const auto held_out = [&](const char* run, const char* seed) {
    config::FinetuneConfig config =
        work.config(run, {"task.train=" + (work.dir / "t.tsv").string(), "task.dev=", "task.dev_fraction=0.2",
                          seed, "train.epochs=1"});
    finetune(config);
    return read_text(work.run(run) / "predictions_dev.tsv");
  };
  const std::string first = held_out("a", "seed=1"), second = held_out("b", "seed=2");
  const auto count = [&](const std::string& label) {
    std::size_t rows = 0;
    for (std::size_t at = first.find(label); at != std::string::npos; at = first.find(label, at + 1)) ++rows;
    return rows;
  };
  CHECK(testing::count_lines(first) == 1 + 8);
  CHECK(count("\trare\t") >= 2);
  const auto lines_of = [](const std::string& predictions) {
    std::vector<std::string> lines;
    std::istringstream in(predictions);
    for (std::string row; std::getline(in, row);) {
      const std::size_t begin = row.find('\t') + 1;
      lines.push_back(row.substr(begin, row.find('\t', begin) - begin));
    }
    return lines;
  };
  CHECK(lines_of(first) == lines_of(second));
  const std::string all = read_text(work.run("a") / "all_results.json");
  CHECK(all.find("\"train_samples\": 32") != std::string::npos);
  CHECK(testing::error_of([&] {
          validate(work.config("c", {"task.dev=", "task.train=x.tsv"}));
        }).find("task.dev_fraction=0.1 holds out a tenth of its rows") != std::string::npos);
  CHECK(testing::error_of([&] {
          validate(work.config("c", {"task.dev_fraction=0.5"}));
        }).find("give one of them") != std::string::npos);
}

TEST_CASE("a share of many small classes is that share of all rows") {
  data::LabelledData all;
  for (int row = 0; row < 400; ++row) all.rows.push_back({.text = "a", .text_pair = "", .label = row % 100});
  const data::LabelledData dev = data::hold_out(all, 0.1);
  CHECK(dev.rows.size() == 40);
  std::set<std::int32_t> classes;
  for (const data::Example& row : all.rows) classes.insert(row.label);
  CHECK(classes.size() == 100);
}

TEST_CASE("a model of pairs remembers its columns") {
  const FinetuneWorkspace work;
  std::string text = "first\tsecond\tlabel\n";
  for (int i = 0; i < 8; ++i) text += std::string("a b\t") + (i % 2 == 0 ? "c d\tx\n" : "y z\ty\n");
  work.dir.write("t.tsv", text);
  finetune(table_config(work, "t.tsv", "t.tsv", {"task.text=first", "task.text_pair=second"}));
  const model::LoadedModel model = model::load_model(work.dir / "run");
  CHECK(columns_of(model).text == "first");
  CHECK(columns_of(model).text_pair == "second");
  config::TaskConfig glue;
  glue.name = "mrpc";
  CHECK(columns_of(glue, 0).text_pair == "#2 String");
}

TEST_CASE("a label that no table of predictions can hold is refused before any training") {
  const FinetuneWorkspace work;
  work.dir.write("t.csv", "text,label\na b,\"very\ngood\"\nc d,bad\n");
  CHECK(testing::error_of([&] {
          finetune(table_config(work, "t.csv", "t.csv"));
        }).find("t.csv: line 2: the label `very good` holds a tab or a line end") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(work.dir / "run" / "predictions_dev.tsv"));
}

}  // namespace espalier::train
