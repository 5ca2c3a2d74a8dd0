// Tables given to the verbs that use a model: missing pairs, dialects, bad records, encodings, no rows.
#include <doctest/doctest.h>

#include "tests/cli/cli_support.h"
#include "tests/cli/model_support.h"
#include "tests/cli/training_support.h"
#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::testing {
namespace {

// The predictions of a file, without the texts.
std::vector<std::string> scores(const std::vector<std::string>& arguments) {
  std::vector<std::string> all = {"classify"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  all.emplace_back("--json");
  std::vector<std::string> result;
  for (const io::Json& row : run_well(all).json()) {
    result.push_back(row["text"].get<std::string>() + "|" + row.value("pair", "") + row["score"].dump());
  }
  return result;
}

}  // namespace

TEST_CASE("a model of pairs is not given half of what it reads") {
  const Models models;
  const std::string good = models.dir.write("good.tsv", "question1\tquestion2\nthe tree\ta map\n");
  const std::string renamed = models.dir.write("renamed.tsv", "question1\tquestion_2\nthe tree\ta map\n");
  const auto expected = scores({models.pairs, "--file", good});
  CHECK(expected == scores({models.pairs, "the tree", "--pair", "a map"}));
  CHECK(expected == scores({models.pairs, "--file", renamed, "--pair-column", "question_2"}));
  check_refused({"classify", models.pairs, "--file", renamed},
                "no column `question2` (--pair-column; the model was trained on pairs of `question1` and "
                "`question2`); the columns are: question1, question_2; did you mean `question_2`?");
  check_refused({"classify", models.pairs, "--file", renamed, "--text-column", "question1"},
                "no column `question2`");
  check_refused({"classify", models.pairs, "the tree"}, "give the second text as --pair TEXT");
  check_refused({"classify", models.pairs, "the tree", "a map"}, "give the second text as --pair TEXT");
  CHECK(run_well({"embed", models.pairs, "the tree"}).err.find("here it reads single texts") !=
        std::string::npos);
  CHECK(run_well({"classify", models.classifier, "the tree"}).err.empty());
}

TEST_CASE("the column that a model was fine-tuned on must be there, or another be named") {
  const Models models;
  HfFolder folder = small_classifier(3);
  folder.config["espalier"]["task"] = {
      {"text", "summary"}, {"text_pair", ""}, {"header", true}, {"max_length", 0}};
  const std::string model = (models.dir / "summaries").string();
  folder.write(model);
  const std::string table = models.dir.write("t.tsv", "text\tsumary\nthe tree\ta map\n");
  for (const char* verb : {"classify", "embed"}) {
    check_refused({verb, model, "--file", table},
                  "t.tsv: no column `summary` (--text-column; the model was fine-tuned on it); the columns "
                  "are: text, sumary; did you mean `sumary`?");
  }
  const auto expected = scores({model, "the tree"});
  CHECK(expected == scores({model, "--file", table, "--text-column", "text"}));
  CHECK(expected == scores({model, "--file", models.dir.write("t.txt", "the tree\n")}));
  CHECK(expected == scores({model, "--file", models.dir.write("t.jsonl", "{\"text\": \"the tree\"}\n")}));
  check_refused({"classify", model, "--file", models.dir.write("one.tsv", "other\nthe tree\n")},
                "no column `summary`");
  CHECK(expected == scores({model, "--file", models.dir.write("n.tsv", "the tree\n"), "--no-header"}));
}

TEST_CASE("empty texts and empty halves of pairs are counted; nothing but empty ones is refused") {
  const Models models;
  const std::string head = "question1\tquestion2\n";
  const std::string some = models.dir.write("s.tsv", head + "the tree\ta map\n\ta map\na map\t \n");
  const Outcome outcome = run_well({"classify", models.pairs, "--file", some});
  for (const char* said : {"s.tsv: the column `question1` is empty in 1 of 3 rows (line 3 first)",
                           "s.tsv: the column `question2` is empty in 1 of 3 rows (line 4 first)"}) {
    CHECK(outcome.err.find(said) != std::string::npos);
  }
  const std::string none = models.dir.write("n.tsv", head + "the tree\t\na map\t\n");
  const std::string out = (models.dir / "out.tsv").string();
  check_refused({"classify", models.pairs, "--file", none, "--output", out},
                "n.tsv: the column `question2` is empty in all 2 rows; name another by --pair-column");
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("results do not replace the file that they are made from") {
  const Models models;
  const std::string tsv = models.dir.write("t.tsv", "text\nthe tree\n");
  const std::string jsonl = models.dir.write("t.jsonl", "{\"text\": \"the tree\"}\n");
  const std::string same = (models.dir / "." / "t.tsv").string();
  check_refused({"classify", models.classifier, "--file", tsv, "--output", same}, "is --file itself");
  check_refused({"embed", models.lm, "--file", jsonl, "--output", jsonl}, "is --file itself");
  CHECK(read_text(tsv) == "text\nthe tree\n");
  check_refused({"bench", "tokenize", tsv, "--output", tsv}, "is FILE itself");
}

TEST_CASE("results do not replace models, runs and stores") {
  const Models models;
  const std::string checkpoint = (models.dir / "lm.h5").string();
  run_well({"import", models.lm, checkpoint});
  const std::string before = read_text(checkpoint);
  check_refused({"embed", checkpoint, "the tree", "--output", checkpoint},
                "this is MODEL itself, which would be lost; name another file");
  check_refused({"embed", models.lm, "the tree", "--output", checkpoint},
                "this is a checkpoint, which would be lost");
  check_refused({"report", models.lm, "--output", checkpoint}, "this is a checkpoint, which would be lost");
  CHECK(read_text(checkpoint) == before);
  check_refused({"trees", models.lm, "--data", models.lm, "--output", models.lm + "/tokenizer.json"},
                "tokenizer.json: this is a file of MODEL, which would be lost; name another file");
  for (const char* name : {"trees.json", "eval_results.json", "predictions_best_dev_mm.tsv"}) {
    const std::string file = models.dir.write("run/" + std::string(name), "{}").string();
    check_refused({"report", (models.dir / "run").string(), "--output", file}, "this is a file of RUN");
  }
  check_refused({"report", models.lm, "--output", "-"}, "--output: -: expected the name of a file");
  // An earlier result is what one wants to replace.
  const std::string vectors = (models.dir / "vectors.h5").string();
  for (int i = 0; i < 2; ++i) run_well({"embed", models.lm, "the tree", "--output", vectors});
}

TEST_CASE("classify: a later object may have keys of its own, but not those that are added") {
  const Models models;
  std::string objects;
  for (int i = 0; i < 1001; ++i) objects += "{\"text\": \"the tree\"}\n";
  const std::string late =
      models.dir.write("added.jsonl", objects + "{\"text\": \"a\", \"probability\": 1}\n");
  const std::string out = (models.dir / "late.jsonl").string();
  check_refused({"classify", models.classifier, "--file", late, "--output", out},
                "--output: line 1002 of the input has a key `probability` already; rename it");
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("tokenize: columns go with a file, and a file without a usable row is an error") {
  const Models models;
  check_refused({"tokenize", models.lm, "the tree", "--text-column", "foo"}, "--text-column requires --file");
  check_refused({"tokenize", models.lm, "the tree", "--pair-column", "foo"}, "--pair-column requires --file");
  const std::string file = models.dir.write("keys.jsonl", "{\"text\": \"the tree\", \"id\": 1}\n");
  check_refused({"tokenize", models.lm, "--file", file, "--text-column", "nope"},
                "expected an object with `nope`, found `text`, `id`");
  check_refused({"tokenize", models.lm, "--file", file, "--text-column", "nope", "--on-bad-record", "skip"},
                "keys.jsonl: no row can be used");
}

TEST_CASE("tokenize reads the column that embed reads, and of JSON lines what prepare reads") {
  const Models models;
  const auto ids = [&](const char* name, const std::string& table) {
    return run_well({"tokenize", models.lm, "--file", models.dir.write(name, table)}).out;
  };
  const std::string expected = run_well({"tokenize", models.lm, "the tree"}).out;
  CHECK(ids("a.tsv", "id\ttext\n1\tthe tree\n") == expected);
  CHECK(ids("a.csv", "text,sentence\na map,the tree\n") == expected);
  CHECK(ids("a.jsonl", "{\"text\": \"the tree\", \"sentence\": \"a map\"}\n") == expected);
  CHECK(ids("a.txt", "the tree\n") == expected);
}

TEST_CASE("embed: a table whose texts are all empty leaves no vectors") {
  const Models models;
  const std::string blank = models.dir.write("blank.tsv", "text\n \n \n");
  const std::string out = (models.dir / "blank.jsonl").string();
  check_refused({"embed", models.lm, "--file", blank, "--output", out}, "is empty in all 2 rows");
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("dialects: separators, no header") {
  const Models models;
  const auto expected = scores({models.classifier, "the tree", "a map"});
  CHECK(expected ==
        scores({models.classifier, "--file", models.dir.write("s.csv", "id;text\n1;the tree\n2;a map\n"),
                "--separator", "semicolon"}));
  const std::string headless = models.dir.write("n.tsv", "1\tthe tree\n2\ta map\n");
  CHECK(expected == scores({models.classifier, "--file", headless, "--no-header", "--text-column", "2"}));
  CHECK(expected == scores({models.classifier, "--file", models.dir.write("one.csv", "the tree\na map\n"),
                            "--no-header"}));
  CHECK(expected == scores({models.classifier, "--file",
                            models.dir.write("b.csv", "id, text\n1, \"the tree\"\n2, \"a map\"\n")}));
  check_refused({"classify", models.classifier, "--file", headless}, "for a file without header --no-header");
  check_refused({"classify", models.classifier, "the tree", "--no-header"}, "--file");
  const std::string ids =
      run_well({"tokenize", models.classifier, "--file", headless, "--no-header", "--text-column", "2"}).out;
  CHECK(ids == run_well({"tokenize", models.classifier, "the tree", "a map"}).out);
}

TEST_CASE("a model of tables without header does not take the values of a first row for names") {
  const Workshop& shop = workshop();
  std::string rows;
  for (int i = 0; i < 8; ++i) rows += i % 2 == 0 ? "a fine tree\t1\n" : "a bad leaf\t0\n";
  const std::string file = shop.dir.write("bare.tsv", rows).string();
  run_well(shop.pretrain("bare-base", {"train.max_steps=1"}));
  run_well(shop.finetune("bare-base", "bare",
                         {"task.train=" + file, "task.dev=" + file, "task.header=false", "task.text=1",
                          "task.label=2", "train.max_steps=1"}));
  check_refused({"classify", shop.path("bare"), "--file", file},
                "trained on column 1 of tables without a header: give --no-header, or --text-column");
  const Outcome read = run_well({"classify", shop.path("bare"), "--file", file, "--no-header"});
  CHECK(read.out.find("a fine tree") != std::string::npos);
}

TEST_CASE("no rows are no success") {
  const Models models;
  const std::string empty = models.dir.write("e.tsv", "text\tlabel\n");
  for (const char* verb : {"classify", "embed"}) {
    check_refused({verb, models.classifier, "--file", empty}, "e.tsv: the file has a header but no rows");
  }
  check_refused({"tokenize", models.classifier, "--file", empty}, "no rows");
  const std::string out = (models.dir / "out.tsv").string();
  check_refused({"classify", models.classifier, "--file", empty, "--output", out}, "no rows");
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("bad records stop, or are left out and counted") {
  const Models models;
  const std::string file = models.dir.write(
      "b.jsonl", "{\"text\": \"the tree\"}\n{\"text\": \n{\"id\": 3}\n{\"text\": \"a map\"}\n");
  const Outcome stopped = run_espalier({"classify", models.classifier, "--file", file});
  CHECK(stopped.status == 2);
  CHECK(stopped.err.find("b.jsonl: line 2: expected one JSON object a line") != std::string::npos);
  CHECK(scores({models.classifier, "--file", file, "--on-bad-record", "skip"}) ==
        scores({models.classifier, "the tree", "a map"}));
  const Outcome outcome =
      run_well({"tokenize", models.classifier, "--file", file, "--on-bad-record", "skip"});
  CHECK(outcome.err.find("2 records left out (lines 2, 3; the first: expected one JSON object a line") !=
        std::string::npos);
}

TEST_CASE("a table of JSON lines has the keys of all objects, or is refused") {
  const Models models;
  const std::string out = (models.dir / "out.csv").string();
  run_well({"classify", models.classifier, "--file",
            models.dir.write("k.jsonl",
                             "{\"id\": 1, \"text\": \"the tree\"}\n{\"text\": \"a map\", \"more\": 2}\n"),
            "--output", out});
  const std::string table = read_text(out);
  CHECK(table.starts_with("id,text,more,predicted_label"));
  CHECK(table.find("\n,a map,2,") != std::string::npos);
  std::string many;
  for (int i = 0; i < 1100; ++i) many += "{\"text\": \"the tree\"}\n";
  const std::string late = models.dir.write("late.jsonl", many + "{\"text\": \"a map\", \"more\": 2}\n");
  check_refused({"classify", models.classifier, "--file", late, "--output", out},
                "line 1101 of the input has the key `more`");
}

TEST_CASE("bytes that are not UTF-8 are warned of at inference too") {
  const Models models;
  const std::string file = models.dir.write("l.tsv", "text\nthe tree\nf\xE5r\n");
  for (const char* verb : {"classify", "embed"}) {
    CHECK(run_well({verb, models.classifier, "--file", file})
              .err.find("l.tsv: 1 of 2 rows (line 3 first) hold bytes that are not UTF-8") !=
          std::string::npos);
  }
  CHECK(run_well({"classify", models.classifier, "f\xE5r"}).err.find("1 of 1 texts hold bytes") !=
        std::string::npos);
}

TEST_CASE("a model of pairs stays one through export and import") {
  const Models models;
  const std::string checkpoint = (models.dir / "m.h5").string(), folder = (models.dir / "again").string();
  run_well({"import", models.pairs, checkpoint});
  run_well({"export", checkpoint, folder});
  check_refused({"classify", checkpoint, "the tree"},
                "trained on pairs of texts (`question1` and `question2`)");
  check_refused({"classify", folder, "the tree"}, "trained on pairs of texts (`question1` and `question2`)");
}

}  // namespace espalier::testing
