// ctest-label: threads
#include "espalier/train/finetuner.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <csignal>

#include "espalier/base/error.h"
#include "espalier/base/interrupt.h"
#include "espalier/base/parallel.h"
#include "espalier/data/labelled.h"
#include "espalier/io/run_files.h"
#include "espalier/model/inference.h"
#include "tests/support/support.h"
#include "tests/train/finetune_support.h"
#include "tests/train/train_support.h"
#include "train/task_columns.h"

namespace espalier::train {
namespace {

using testing::count_lines;
using testing::error_of;
using testing::FinetuneWorkspace;
using testing::metrics_of;
using testing::read_text;
using testing::weights_of;

const std::vector<std::string> kRegression = {"task.label=share", "task.regression=true", "train.epochs=6"};

// all_results.json without the times.
io::Json results_of(const std::filesystem::path& run) {
  io::Json json = io::parse_json(read_text(run / "all_results.json"), "all_results.json");
  for (const char* key : {"train_runtime", "train_samples_per_second", "train_steps_per_second",
                          "train_tokens_per_second", "eval_runtime"})
    json.erase(key);
  return json;
}

}  // namespace

TEST_CASE("a tiny classifier learns, and leaves a whole run folder with Hugging Face's names") {
  const FinetuneWorkspace work;
  const io::Json results = io::to_json(finetune(work.config("a")));
  CHECK(results["eval_accuracy"].get<double>() > 0.95);
  for (const char* key : {"epoch", "train_loss", "train_runtime", "train_samples", "train_samples_per_second",
                          "train_steps_per_second", "eval_loss", "eval_accuracy", "eval_f1",
                          "eval_matthews_correlation", "eval_samples"}) {
    INFO(key);
    CHECK(results.contains(key));
  }
  CHECK(results["eval_samples"] == 40);
  CHECK(results["train_samples"] == 96);
  CHECK(io::parse_json(read_text(work.run("a") / "all_results.json"), "all") == results);
  const io::Json eval = io::parse_json(read_text(work.run("a") / "eval_results.json"), "eval");
  CHECK(eval["eval_accuracy"] == results["eval_accuracy"]);
  CHECK_FALSE(eval.contains("train_loss"));
  const io::Json train = io::parse_json(read_text(work.run("a") / "train_results.json"), "train");
  CHECK(train["train_loss"] == results["train_loss"]);
  CHECK_FALSE(train.contains("eval_loss"));
  for (const char* file : {"config.yaml", "metrics.jsonl", "trainer_state.json", "last.h5", "best.h5"}) {
    CHECK(std::filesystem::exists(work.run("a") / file));
  }
  const io::Json state = io::parse_json(read_text(work.run("a") / "trainer_state.json"), "state");
  CHECK(state["global_step"] == 18);
  CHECK(state["log_history"].size() == 21);  // 18 steps, 3 evaluations
}

TEST_CASE("the predictions are those of the saved model, a row for each row of the file") {
  const FinetuneWorkspace work;
  const io::Json results = io::to_json(finetune(work.config("a")));
  const std::string text = read_text(work.run("a") / "predictions_dev.tsv");
  CHECK(text.starts_with("index\tline\tlabel\tprediction\tprobability\n0\t2\t"));
  CHECK(count_lines(text) == 41);
  model::LoadedModel model = model::load_model(work.run("a"));
  const data::LabelledData dev = data::read_labelled(work.dir / "dev.tsv", {"text", "", "label", false});
  std::vector<model::TextPair> texts;
  for (const data::Example& row : dev.rows) texts.push_back({row.text, ""});
  const std::vector<model::Classification> predicted = model::classify(model, texts, {});
  double right = 0;
  for (std::size_t i = 0; i < dev.rows.size(); ++i) {
    const std::string truth = dev.labels.name(dev.rows[i].label);
    right += predicted[i].label == truth ? 1 : 0;
    // The probability is printed with six digits, and computed here in other batches.
    const std::string begin =
        fmt::format("\n{}\t{}\t{}\t{}\t", i, dev.rows[i].line, truth, predicted[i].label);
    const std::size_t place = text.find(begin);
    REQUIRE(place != std::string::npos);
    CHECK(std::abs(std::stod(text.substr(place + begin.size())) - predicted[i].score) < 2e-6);
  }
  CHECK(right / 40 == results["eval_accuracy"].get<double>());
}

TEST_CASE("scores are of what classify says: of a text alone, and of as much of it") {
  const FinetuneWorkspace work;
  std::string rows = "text\tlabel\n";
  for (int row = 0; row < 24; ++row) {
    std::string text;
    for (int letter = 0; letter <= row % 9; ++letter)
      text += fmt::format("{} ", static_cast<char>('a' + (row * 5 + letter) % 26));
    rows += text + (row % 2 == 0 ? "\tfirst\n" : "\tsecond\n");
  }
  work.dir.write("dev.tsv", rows);
  finetune(work.config("a", {"head.pooler=avg", "train.max_length=7", "train.epochs=1"}));
  const std::string text = read_text(work.run("a") / "predictions_dev.tsv");
  model::LoadedModel model = model::load_model(work.run("a"));
  const TaskColumns columns = columns_of(model);
  CHECK(columns.max_length == 7);
  const data::LabelledData dev = data::read_labelled(work.dir / "dev.tsv", {"text", "", "label", false});
  for (const data::Example& row : dev.rows) {
    const model::Classification said =
        model::classify(model, std::vector<model::TextPair>{{row.text, ""}}, {}, columns.max_length)[0];
    const std::size_t place =
        text.find(fmt::format("\t{}\t{}\t{}\t", row.line, dev.labels.name(row.label), said.label));
    REQUIRE(place != std::string::npos);
    const std::string line = text.substr(place, text.find('\n', place) - place);
    CHECK(std::abs(std::stod(line.substr(line.rfind('\t') + 1)) - said.score) < 2e-6);
  }
}

TEST_CASE("any number of threads gives the same bits") {
  const FinetuneWorkspace work;
  for (const int threads : {1, 2, 3}) {
    set_thread_count(threads);
    finetune(work.config(std::to_string(threads), {"train.epochs=1"}));
  }
  set_thread_count(available_cores());
  for (const char* other : {"2", "3"}) {
    CHECK(weights_of(work.run("1") / "last.h5") == weights_of(work.run(other) / "last.h5"));
    CHECK(metrics_of(work.run("1")) == metrics_of(work.run(other)));
    CHECK(results_of(work.run("1")) == results_of(work.run(other)));
  }
}

TEST_CASE("a signal saves, says so with its status, and the run continues to the same bits and results") {
  const FinetuneWorkspace work;
  finetune(work.config("whole"));
  for (const int signal : {SIGINT, SIGTERM}) {
    set_interrupt_signal(signal);
    int status = 0;
    try {
      finetune(work.config("stopped"));
    } catch (const Interrupted& stop) {
      status = stop.exit_status();
    }
    set_interrupt_signal(0);
    CHECK(status == 128 + signal);
  }
  CHECK(std::filesystem::exists(work.run("stopped") / "checkpoints" / "step-2.h5"));
  finetune(work.config("stopped"));
  CHECK(weights_of(work.run("whole") / "last.h5") == weights_of(work.run("stopped") / "last.h5"));
  CHECK(metrics_of(work.run("whole")) == metrics_of(work.run("stopped")));
  CHECK(results_of(work.run("whole")) == results_of(work.run("stopped")));
}

TEST_CASE("the last evaluation, cut short by a signal, is made when the run goes on") {
  const FinetuneWorkspace work;
  const std::vector<std::string> keys = {"train.max_steps=1"};
  finetune(work.config("whole", keys));
  set_interrupt_signal(SIGTERM);
  CHECK_THROWS_AS(finetune(work.config("cut", keys)), Interrupted);
  set_interrupt_signal(0);
  CHECK(std::filesystem::exists(work.run("cut") / "checkpoints" / "step-1.h5"));
  CHECK(metrics_of(work.run("cut")).find("eval_") == std::string::npos);
  finetune(work.config("cut", keys));
  CHECK(metrics_of(work.run("whole")) == metrics_of(work.run("cut")));
  CHECK(weights_of(work.run("whole") / "best.h5") == weights_of(work.run("cut") / "best.h5"));
}

TEST_CASE("the logged rate is that of the update") {
  const FinetuneWorkspace work;
  finetune(work.config("a", {"train.max_steps=1", "train.lr=0.25", "train.warmup=0"}));
  const std::string metrics = metrics_of(work.run("a"));
  CHECK(io::parse_json(metrics.substr(0, metrics.find('\n')), "metrics").at("learning_rate") == 0.25);
}

TEST_CASE("a finished run is scored again, not trained on") {
  const FinetuneWorkspace work;
  const io::Json first = io::to_json(finetune(work.config("a", {"train.epochs=1"})));
  const std::string weights = weights_of(work.run("a") / "last.h5");
  const io::Json again = io::to_json(finetune(work.config("a", {"train.epochs=1"})));
  CHECK(again["eval_loss"] == first["eval_loss"]);
  CHECK(again["train_loss"] == first["train_loss"]);
  CHECK(weights_of(work.run("a") / "last.h5") == weights);
}

TEST_CASE("a regression learns a value") {
  const FinetuneWorkspace work;
  testing::write_letters(work.dir / "train.tsv", 96, 1, true);
  testing::write_letters(work.dir / "dev.tsv", 40, 2, true);
  const io::Json results = io::to_json(finetune(work.config("a", kRegression)));
  CHECK(results["eval_pearson"].get<double>() > 0.8);
  CHECK(results["eval_spearmanr"].get<double>() > 0.8);
  CHECK(results["eval_mse"].get<double>() == doctest::Approx(results["eval_loss"].get<double>()));
  CHECK_FALSE(results.contains("eval_accuracy"));
  const std::string text = read_text(work.run("a") / "predictions_dev.tsv");
  CHECK(text.starts_with("index\tline\tlabel\tprediction\n0\t2\t"));
  CHECK(count_lines(text) == 41);
  model::LoadedModel model = model::load_model(work.run("a"));
  CHECK(model.labels.regression);
  CHECK(model::classify(model, std::vector<model::TextPair>{{"n o p q r s", ""}}, {})[0].score >
        model::classify(model, std::vector<model::TextPair>{{"a b c d e f", ""}}, {})[0].score);
}

TEST_CASE("a metric that does not exist is null in JSON, and the run is whole all the same") {
  const FinetuneWorkspace work;
  // Equal texts have equal predictions, with some instruction sets only up to rounding, which correlate with
  // nothing.
  work.dir.write("dev.tsv", "text\tlabel\tshare\na b\tfirst\t0.1\na b\tfirst\t0.2\na b\tfirst\t0.4\n");
  finetune(work.config("a", kRegression));
  const std::string text = read_text(work.run("a") / "all_results.json");
  CHECK(text.find("\"eval_pearson\": null") != std::string::npos);
  CHECK(text.find("\"eval_spearmanr\": null") != std::string::npos);
  CHECK(io::parse_json(text, "all")["eval_mse"].is_number());
  CHECK(std::filesystem::exists(work.run("a") / "best.h5"));
}

TEST_CASE("a label that training never saw is an error with its place, before anything is written") {
  const FinetuneWorkspace work;
  work.dir.write("dev.tsv", "text\tlabel\na b\tfirst\nc d\tthird\n");
  CHECK(error_of([&] { finetune(work.config("a")); }) ==
        "label `third` at " + (work.dir / "dev.tsv").string() +
            ":3 was never seen in training; known: first, second");
  CHECK_FALSE(std::filesystem::exists(work.run("a")));
}

TEST_CASE("a loss that is not finite is told with step, training line, layer and operation") {
  const FinetuneWorkspace work;
  const std::vector<std::string> wild = {"train.lr=1e30", "train.warmup=0", "train.clip=0"};
  const std::string message = error_of([&] { finetune(work.config("wild", wild)); });
  INFO(message);
  CHECK(message.find("step 2: ") != std::string::npos);
  CHECK(message.find(" is not finite (training line ") != std::string::npos);
  CHECK(message.find("; first encoder.embedding: anomaly: layer_norm: ") != std::string::npos);
  std::vector<std::string> guarded = wild;
  guarded.push_back("train.detect_anomaly=true");
  const std::string at_once = error_of([&] { finetune(work.config("guarded", guarded)); });
  INFO(at_once);
  CHECK(at_once.starts_with("step 2 (training line "));
  CHECK(at_once.find(": encoder.embedding: anomaly: layer_norm: ") != std::string::npos);
  CHECK(at_once.ends_with("; the step was not applied. Lower train.lr."));
}

TEST_CASE("other keys, another kind of run, and a folder in use are refused") {
  const FinetuneWorkspace work;
  finetune(work.config("a", {"train.epochs=1"}));
  CHECK(error_of([&] {
          finetune(work.config("a", {"train.epochs=2"}));
        }).find("train.epochs: 1 in the run, 2 now") != std::string::npos);
  CHECK(error_of([&] { finetune(work.config("a", {"resume=never"})); }).find("already holds a run") !=
        std::string::npos);
  CHECK(error_of([&] {
          finetune(work.config("b", {"resume=" + (work.dir / "model.h5").string()}));
        }).find("holds a checkpoint of kind `pretrain`, but only one of kind `finetune`") !=
        std::string::npos);
  const io::RunLock lock(work.run("c"));
  CHECK(error_of([&] { finetune(work.config("c")); }).find("in use by") != std::string::npos);
}

TEST_CASE("labels, rows, model or tokenizer that changed are refused by name, before the end and after it") {
  const FinetuneWorkspace work;
  const std::string train = read_text(work.dir / "train.tsv"), dev = read_text(work.dir / "dev.tsv");
  finetune(work.config("finished", {"train.epochs=1"}));
  finetune(work.config("begun", {"train.epochs=2", "train.max_steps=2"}));
  const std::string results = read_text(work.run("finished") / "all_results.json");
  const auto check_refused = [&](const std::string& what) {
    for (const char* run : {"finished", "begun"}) {
      const std::string epochs = run == std::string("begun") ? "train.epochs=2" : "train.epochs=1";
      const std::string message = error_of([&] { finetune(work.config(run, {epochs})); });
      INFO(message);
      CHECK(message.find(": " + what) != std::string::npos);
      CHECK(message.find("give model=" + work.run(run).string() + " and another `run` folder") !=
            std::string::npos);
    }
    CHECK(read_text(work.run("finished") / "all_results.json") == results);
  };
  std::string flipped = train;
  flipped.replace(flipped.find("\tfirst\t"), 7, "\tsecond\t");
  work.dir.write("train.tsv", flipped);
  check_refused("task.train: " + (work.dir / "train.tsv").string() +
                ": other labels than it had when the run was begun (96 rows then, 96 rows now)");
  work.dir.write("train.tsv", train);
  work.dir.write("dev.tsv", dev + dev.substr(dev.find('\n') + 1));
  check_refused("task.dev: " + (work.dir / "dev.tsv").string() + ": other labels and texts than it had");
  work.dir.write("dev.tsv", dev);
  io::Checkpoint model = io::load_checkpoint(work.dir / "model.h5");
  const float weight = model.model[0].value.data()[20];
  model.model[0].value.data()[20] = weight + 1;
  io::save_checkpoint(work.dir / "model.h5", model);
  check_refused("model: " + (work.dir / "model.h5").string() + ": other weights than it had");
  model.model[0].value.data()[20] = weight;
  io::Json tokenizer = io::parse_json(model.tokenizer_json, "tokenizer");
  tokenizer["model"]["max_input_chars_per_word"] = 7;
  model.tokenizer_json = tokenizer.dump();
  io::save_checkpoint(work.dir / "model.h5", model);
  check_refused("model: tokenizer: " + (work.dir / "model.h5").string() + ": other vocabulary or rules than");
}

TEST_CASE("another architecture under the same weights is refused") {
  const FinetuneWorkspace work;
  finetune(work.config("a", {"train.epochs=1"}));
  io::Checkpoint model = io::load_checkpoint(work.dir / "model.h5");
  model.metadata["arch"]["arch.norm_eps"] = "0.5";
  model.metadata["arch"]["arch.attention.heads"] = "4";
  io::save_checkpoint(work.dir / "model.h5", model);
  const std::string message = error_of([&] { finetune(work.config("a", {"train.epochs=1"})); });
  INFO(message);
  CHECK(message.find("model: architecture: " + (work.dir / "model.h5").string() +
                     ": arch.attention.heads 2 then, 4 now, arch.norm_eps 1e-12 then, 0.5 now") !=
        std::string::npos);
  model.metadata["arch"]["arch.norm_eps"] = "1e-12";
  model.metadata["arch"]["arch.attention.heads"] = "2";
  model.metadata["arch"]["arch.dropout"] = "0.3";
  io::save_checkpoint(work.dir / "model.h5", model);
  CHECK_NOTHROW(finetune(work.config("a", {"train.epochs=1"})));
}

TEST_CASE("a fine-tuning beyond train.max_steps is not continued as if it had ended there") {
  const FinetuneWorkspace work;
  finetune(work.config("a", {"train.epochs=1"}));
  const std::string results = read_text(work.run("a") / "all_results.json");
  const std::string message = error_of([&] {
    finetune(work.config("a", {"train.epochs=1", "train.max_steps=2"}));
  });
  INFO(message);
  CHECK(message.find("train.max_steps is 2, but the run " + work.run("a").string() +
                     " is at step 6 already; give a larger one, 0 for none, or another `run` folder") == 0);
  CHECK(read_text(work.run("a") / "all_results.json") == results);
  CHECK_NOTHROW(finetune(work.config("a", {"train.epochs=1", "train.max_steps=6"})));
}

TEST_CASE("model and tables that moved are the same") {
  const FinetuneWorkspace work;
  finetune(work.config("whole", {"train.epochs=2"}));
  finetune(work.config("a", {"train.epochs=2", "train.max_steps=2"}));
  std::filesystem::create_directory(work.dir / "moved");
  std::vector<std::string> moved = {"train.epochs=2", "eval.bootstrap=7"};
  for (const auto& [key, name] : {std::pair("model", "model.h5"), std::pair("task.train", "train.tsv"),
                                  std::pair("task.dev", "dev.tsv")}) {
    std::filesystem::rename(work.dir / name, work.dir / "moved" / name);
    moved.push_back(std::string(key) + "=" + (work.dir / "moved" / name).string());
  }
  finetune(work.config("a", moved));
  CHECK(read_text(work.run("a") / "predictions_dev.tsv") ==
        read_text(work.run("whole") / "predictions_dev.tsv"));
  CHECK(weights_of(work.run("a") / "last.h5") == weights_of(work.run("whole") / "last.h5"));
}

TEST_CASE("a task that is neither custom nor GLUE's is named") {
  const FinetuneWorkspace work;
  CHECK(error_of([&] {
          finetune(work.config("a", {"task.name=imdb", "task.dir=x"}));
        }).find("task.name must be custom (with task.train and task.dev) or a GLUE task (cola, sst2, ") == 0);
}

}  // namespace espalier::train
