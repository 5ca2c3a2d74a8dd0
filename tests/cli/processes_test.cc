// Several processes under mpirun: the same bits as one, whatever their number.
#include <doctest/doctest.h>

#include <array>
#include <filesystem>

#include "espalier/io/run_files.h"
#include "tests/cli/processes_support.h"

namespace espalier::testing {

TEST_CASE("1, 2, 3, 4 and 8 processes give the same bits") {
  if (!can_run_together()) return;
  const std::vector<std::pair<std::string, Arguments>> ways = {
      {"hard", {"routing.mode=hard"}},
      {"straight", {"routing.mode=straight_through"}},
      {"anneal", {"routing.mode=anneal", "routing.anneal.entropy1=0.05"}},
      {"dense", {"arch.ffn.type=dense", "arch.ffn.width=24"}},
      {"muon", {"train.optimizer=muon", "arch.ffn.type=dense", "arch.ffn.width=24"}},
      {"ramp", {"train.batch_ramp=0.5", "train.batch_size=24", "train.gradient_groups=0"}}};
  for (const auto& way : ways) {
    const std::string& name = way.first;
    const Arguments& overrides = way.second;
    INFO(name);
    const std::string alone = ending_after(1, 1, name + "-1", overrides);
    CHECK(ending_after(1, 2, name + "-1-2", overrides) == alone);
    CHECK(ending_after(2, 2, name + "-2", overrides) == alone);
    CHECK(ending_after(3, 1, name + "-3", overrides) == alone);
    CHECK(ending_after(4, 1, name + "-4", overrides) == alone);
    if (name != "ramp") CHECK(ending_after(8, 1, name + "-8", overrides) == alone);
  }
}

TEST_CASE("a run goes on with another number of processes") {
  if (!can_run_together()) return;
  const std::string straight = ending_after(1, 1, "hands-straight", {});
  ending_after(4, 1, "hands", {"train.max_steps=100"});
  CHECK(ending_after(3, 1, "hands", {}) == straight);
}

TEST_CASE("fine-tuning is shared too") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  run_well(shop.pretrain("base"));
  const auto results = [&](int processes) {
    const std::string name = "tuned-" + std::to_string(processes);
    const Outcome outcome = run_together(
        processes,
        shop.finetune("base", name, {"train.gradient_groups=4", "train.dropout=true", "train.batch_size=8"}));
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return weights_checksum_of(shop.path(name)) + read_text(shop.path(name) + "/predictions_dev.tsv");
  };
  const std::string alone = results(1);
  for (const int processes : {2, 3, 4}) CHECK(results(processes) == alone);
}

TEST_CASE("glue is shared, each training by all processes") {
  if (!can_run_together()) return;
  const GlueWorkshop glue;
  const auto fingerprint = [&](int processes) {
    const std::string name = "glue-" + std::to_string(processes);
    const Outcome outcome = run_together(processes, glue.command(name, {"train.gradient_groups=4"}));
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    return glue.fingerprint(name);
  };
  const std::string alone = fingerprint(1);
  CHECK(fingerprint(2) == alone);
  CHECK(fingerprint(4) == alone);
}

TEST_CASE("distillation is shared, its evaluations too") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  run_well(
      shop.pretrain("shared-teacher", {"arch.ffn.type=dense", "arch.ffn.width=12", "train.max_steps=1"}));
  const std::string text = read_text(shop.path("text.txt"));
  const std::string file = shop.dir.write("held-out.txt", text + text + text).string();
  // To evaluate on, several times the 4096 tokens that are evaluated at once.
  const std::string data = shop.path("held-out");
  run_well({"prepare", shop.path("prepare.yaml"), "text.files=[" + file + "]", "out=" + data,
            "validation_fraction=0.7", "tokenizer.path=" + shop.data + "/tokenizer.json"});
  const Arguments student = {"data=" + data, "init=" + shop.path("shared-teacher"), "distill.layers=[0]",
                             "train.max_steps=10", "eval.steps=5"};
  const std::string alone = ending_after(1, 1, "student-1", student);
  CHECK(ending_after(2, 1, "student-2", student) == alone);
  CHECK(ending_after(3, 1, "student-3", student) == alone);
}

TEST_CASE("evaluate is shared, and printed once") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  run_well(shop.pretrain("scored"));
  const Arguments command = {"evaluate", shop.path("scored"), "--data", shop.data, "--json"};
  const std::string alone = run_together(1, command).out;
  CHECK(run_together(2, command).out == alone);
  CHECK(run_together(3, command).out == alone);
}

TEST_CASE("embed and classify share the rows of a file, and keep their order") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  run_well(shop.pretrain("encoder"));
  run_well(shop.finetune("encoder", "labeller"));
  const auto outputs = [&](int processes) {
    const std::string number = std::to_string(processes);
    const std::string vectors = shop.path("vectors-" + number + ".jsonl"),
                      labels = shop.path("labels-" + number + ".tsv");
    const Arguments file = {"--file", shop.train, "--batch-size", "3", "--output"};
    for (const auto& [verb, model, output] : {std::array{"embed", "encoder", vectors.c_str()},
                                              std::array{"classify", "labeller", labels.c_str()}}) {
      Arguments command = {verb, shop.path(model)};
      command.insert(command.end(), file.begin(), file.end());
      command.emplace_back(output);
      const Outcome outcome = run_together(processes, command);
      INFO(outcome.err);
      REQUIRE(outcome.status == 0);
    }
    return read_text(vectors) + read_text(labels);
  };
  const std::string alone = outputs(1);
  CHECK(outputs(2) == alone);
  CHECK(outputs(3) == alone);
}

TEST_CASE("event files of TensorBoard are written by one process") {
  if (!can_run_together()) return;
  std::vector<std::uintmax_t> sizes;
  for (const int processes : {1, 3}) {
    const std::string name = "shown-by-" + std::to_string(processes);
    const Outcome outcome =
        run_together(processes, together(name, {"train.max_steps=20", "log.tensorboard=true"}));
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const std::vector<io::EventFile> files = io::event_files(workshop().path(name));
    REQUIRE(files.size() == 1);
    CHECK(files.front().sitting == 1);
    sizes.push_back(std::filesystem::file_size(files.front().path));
  }
  // Numbers have a fixed width in them.
  CHECK(sizes[0] == sizes[1]);
}

}  // namespace espalier::testing
