// What the verbs that train refuse: status 2, nothing written, and a message with what, where and what to do.
#include <doctest/doctest.h>

#include <limits>

#include "espalier/io/checkpoint.h"
#include "tests/cli/training_support.h"

namespace espalier::testing {
TEST_CASE("keys and values of the configuration") {
  const Workshop& shop = workshop();
  check_refused({"pretrain", "/no/such.yaml"}, "/no/such.yaml: cannot read this configuration file");
  check_refused(shop.pretrain("x", {"train.lrr=1"}), "unknown key `train.lrr`; the nearest is `train.lr`");
  check_refused(shop.pretrain("x", {"train.lr=fast"}), "train.lr must be a number at least 0, got `fast`");
  check_refused(shop.pretrain("x", {"arch.ffn.depth=99"}),
                "arch.ffn.depth must be a whole number in [0, 20], got `99`");
  check_refused(shop.pretrain("x", {"train.lr"}), "expected KEY=VALUE, got `train.lr`");
  check_refused(shop.pretrain("x", {"routing.mode=warm"}),
                "must be one of hard, soft, anneal, straight_through");
  check_refused(shop.pretrain("x", {"train.budget.tokens=5", "train.budget.steps=20"}),
                "got tokens (5) and steps (20); set the others to 0");
  check_refused(shop.pretrain("x", {"routing.entropy=all_nodes"}), "use routing.mode: soft");
  const std::string file = shop.dir.write("wrong.yaml", "seed: 1\ntrain:\n  batch_siz: 4\n").string();
  check_refused({"pretrain", file},
                "wrong.yaml:3: unknown key `train.batch_siz`; the nearest is `train.batch_size`");
  check_refused({"prepare", shop.path("prepare.yaml"), "text.files=[*.txt]"},
                "put a value that begins with * in quotes");
  CHECK_FALSE(std::filesystem::exists(shop.path("x")));
}

TEST_CASE("a printed configuration: what would be dropped is refused, and what a run would refuse is said") {
  const Workshop& shop = workshop();
  const Arguments unread = {"routing.temperature=2", "--dump-config"};
  check_refused(shop.pretrain("x", unread), "routing.temperature goes with routing.mode: soft");
  check_refused(shop.finetune("m", "x", unread), "routing.temperature goes with routing.mode: soft");
  const Outcome outcome = run_well(shop.finetune("m", "x", {"task.train=", "--dump-config"}));
  CHECK(outcome.out.find("epochs:") != std::string::npos);
  CHECK(outcome.err.starts_with(
      "warning: a run would refuse this configuration: task.train is missing: task.name custom trains on"));
  CHECK(run_well(shop.finetune("m", "x", {"--dump-config"})).err.empty());
}

TEST_CASE("data, models and folders") {
  const Workshop& shop = workshop();
  check_refused(shop.pretrain("x", {"data=/no/data"}), "/no/data: no such file or folder: make it with");
  check_refused(shop.pretrain("x", {"init=/no/model"}), "/no/model: no such file or folder");
  check_refused(shop.pretrain("train.tsv"), "train.tsv is a file; give a folder");
  check_refused(shop.pretrain("train.tsv/x"), "train.tsv/x: could not be written: mkdir: Not a directory");
  check_refused(shop.pretrain("data"), "holds files but no run");
  check_refused(shop.finetune("nothing", "x"), "nothing: no such file or folder; MODEL is");
  run_well(shop.pretrain("refusing", {"train.max_steps=1"}));
  run_well({"prepare", shop.path("prepare.yaml"), "text.files=[" + shop.path("text.txt") + "]",
            "out=" + shop.path("small"), "tokenizer.vocab_size=70"});
  // Of fewer words than the model has rows, too, whose words may be others.
  check_refused(shop.pretrain("fewer", {"data=" + shop.path("small"), "init=" + shop.path("refusing")}),
                "the weights were trained on other words than those of the data");
  run_well(shop.pretrain("narrow", {"data=" + shop.path("small"), "train.max_steps=1"}));
  check_refused(shop.pretrain("y", {"init=" + shop.path("narrow")}),
                "(`espalier prepare ... tokenizer.path=" + shop.path("narrow") + "`) and give it as `data`");
  check_refused(shop.finetune("refusing", "refusing"), "holds a checkpoint of kind `pretrain`");
  check_refused(shop.pretrain("refusing", {"seed=2"}), "seed: 1 in the run, 2 now");
  check_refused(shop.pretrain("refusing", {"resume=never"}), "already holds a run; resume=auto continues it");
}

TEST_CASE("a model whose weights are not numbers has no loss to tell") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("broken", {"train.max_steps=1"}));
  io::Checkpoint model = io::load_checkpoint(shop.path("broken/last.h5"));
  model.model[0].value.span()[0] = std::numeric_limits<float>::quiet_NaN();
  for (float& weight : model.model.back().value.span()) weight = std::numeric_limits<float>::quiet_NaN();
  io::save_checkpoint(shop.path("broken.h5"), model);
  const Outcome outcome = run_espalier({"evaluate", shop.path("broken.h5"), "--data", shop.data, "--json"});
  INFO(outcome.err);
  CHECK(outcome.status == 1);
  CHECK(outcome.out.empty());
  CHECK(outcome.err.find("broken.h5: the model gives results that are not finite: the weight `") !=
        std::string::npos);
  const Outcome exported = run_espalier({"export", shop.path("broken.h5"), shop.path("broken-exported")});
  CHECK(exported.status == 0);
  CHECK(exported.err.find("holds inf or NaN, and so does the export") != std::string::npos);
  for (const std::string path : {"broken.h5", "broken-exported", "broken/last.h5"}) {
    CAPTURE(path);
    const std::size_t named = run_well({"inspect", shop.path(path), "--json"}).json().at("not_finite").size();
    CHECK(named == (path == "broken/last.h5" ? 0 : 2));
    const std::string text = run_well({"inspect", shop.path(path)}).out;
    CHECK((text.find("hold inf or NaN\n  ") != std::string::npos) == (named > 0));
  }
}

TEST_CASE("text that cannot be prepared") {
  const Workshop& shop = workshop();
  const auto prepare = [&](const std::string& name, const std::string& content) -> Arguments {
    const std::string file = shop.dir.write(name, content).string();
    return {"prepare", shop.path("prepare.yaml"), "text.files=[" + file + "]", "out=" + shop.path("nowhere")};
  };
  Arguments line = prepare("line.txt", "One line.\n");
  line.push_back("validation_fraction=0");
  check_refused(line, "the training split has no sequence of 16 tokens");
  check_refused(prepare("empty.txt", ""), "no words in the 0 training documents");
  check_refused(
      prepare("broken.jsonl", "{\"text\": \"a\"}\n{\"txt\": \"b\"}\n"),
      "broken.jsonl: line 2: no key `text` (text.field); the keys are: txt; text.on_bad_record=skip");
  check_refused(prepare("broken.txt.gz", "not packed"),
                "damaged: a .gz file that does not begin as gzip does");
  check_refused(prepare("broken.txt.zst", "not packed"),
                "damaged: a .zst file that does not begin as zstd does");
  check_refused(prepare("table.txt", std::string("PAR1\x15\x04", 6)),
                "table.txt: is a Parquet file; write it as JSON lines first: python3 -c");
  check_refused(prepare("page.html", "<p>"), "expected .tsv, .csv, .jsonl (or .ndjson) or .txt");
  CHECK_FALSE(std::filesystem::exists(shop.path("nowhere")));
  const Outcome odd = run_well(prepare(
      "odd.txt", read_text(shop.path("text.txt")) + "\n\nsweet rain \xff\xfe falls on the old tree\n"));
  CHECK(odd.err.find("1 documents hold bytes that are not UTF-8") != std::string::npos);
}

TEST_CASE("labelled rows that cannot be used") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("labels", {"train.max_steps=1"}));
  const auto with_dev = [&](const std::string& name, const std::string& content) {
    return shop.finetune("labels", "x", {"task.dev=" + shop.dir.write(name, content).string()});
  };
  check_refused(with_dev("a.tsv", "sentence\tlabel\nsweet\tpositive\nrain\tawful\n"),
                "a.tsv:3 was never seen in training; known: negative, positive");
  check_refused(with_dev("b.tsv", "sentence\tlabel\nsweet\tpositive\nrain\n"),
                "b.tsv: line 3: expected 2 columns (sentence, label), found 1");
  check_refused(with_dev("c.tsv", "text\tlabel\nsweet\tpositive\n"),
                "c.tsv: no column `sentence` (task.text); the columns are: text, label");
  check_refused(with_dev("d.tsv", ""), "d.tsv: the file is empty; expected a first line");
  check_refused(with_dev("e.csv", "sentence,label\n\"sweet,positive\n"),
                "e.csv: line 2: the quoted field that begins here is not closed");
  check_refused(shop.finetune("labels", "x", {"task.regression=true"}), "expected a finite number as label");
  check_refused(shop.finetune("labels", "x", {"task.name=imdb", "task.dir=x"}),
                "task.name must be custom (with task.train and task.dev) or a GLUE task");
  CHECK_FALSE(std::filesystem::exists(shop.path("x")));
  const Outcome odd = run_well(shop.finetune(
      "labels", "odd",
      {"task.dev=" +
       shop.dir.write("f.tsv", "sentence\tlabel\nsweet \xff\tpositive\nrain\tnegative\n").string()}));
  CHECK(odd.err.find("f.tsv: 1 of 2 rows hold bytes that are not UTF-8") != std::string::npos);
  const std::string gaps = shop.dir.write("g.tsv", "sentence\tlabel\nsweet\tpositive\n \tnegative\n");
  const Outcome blank = run_well(shop.finetune("labels", "blank", {"task.dev=" + gaps}));
  CHECK(blank.err.find("g.tsv: 1 of 2 rows have an empty text (line 3 first)") != std::string::npos);
}

TEST_CASE("on a file system without locks every verb that writes works, with a warning") {
  const Workshop& shop = workshop();
  const std::string warning = "the file system has no locks (flock: No locks available)";
  const auto run = [&](const Arguments& arguments) {
    const Outcome outcome = Running(arguments, "ESPALIER_IO_FAULT=enolck:1").wait();
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    CHECK(outcome.err.find(warning) != std::string::npos);
    CHECK(outcome.err.find(warning) == outcome.err.rfind(warning));
  };
  run({"prepare", shop.path("prepare.yaml"), "text.files=[" + shop.path("text.txt") + "]",
       "out=" + shop.path("unlocked-data")});
  run(shop.pretrain("unlocked", {"train.max_steps=1"}));
  run(shop.finetune("unlocked", "unlocked-task", {"train.epochs=1"}));
  for (const char* name : {"unlocked-data", "unlocked", "unlocked-task"}) {
    CHECK_FALSE(std::filesystem::exists(shop.path(std::string(name) + "/lock")));
  }
}

}  // namespace espalier::testing
