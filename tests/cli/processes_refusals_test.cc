// Several processes under mpirun: what they are refused, and told, and that it is told once.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>

#include "tests/cli/processes_support.h"

namespace espalier::testing {

TEST_CASE("help and what is wrong with a command line are printed once") {
  if (!can_run_together()) return;
  const auto count = [](const std::string& text, const std::string& part) {
    int found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
    return found;
  };
  const Outcome help = run_together(2, {"report", "--help"});
  CHECK(help.status == 0);
  CHECK(count(help.out, "Usage: espalier report") == 1);
  CHECK(count(run_together(2, {"--version"}).out, "espalier 0.1.0") == 1);
  const std::vector<std::pair<Arguments, std::string>> wrong = {
      {{"pretrain"}, "CONFIG is required"},
      {{"grow"}, "there is no verb `grow`"},
      {{"inspect", "x"}, "inspect runs in one process, but 2 were started"}};
  for (const auto& one : wrong) {
    INFO(one.second);
    const Outcome outcome = run_together(2, one.first);
    CHECK(outcome.status == 2);
    CHECK(count(outcome.err, one.second) == 1);
  }
}

TEST_CASE("standard input is refused: process 0 alone has it") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(2, {"embed", "nowhere", "--file", "-"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("--file: - is standard input, which a launcher gives to process 0 alone") !=
        std::string::npos);
}

TEST_CASE("more processes than gradient groups are refused with the key that helps") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(3, workshop().pretrain("few", {"train.gradient_groups=2"}));
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("3 processes were started, but an update of") != std::string::npos);
  CHECK(outcome.err.find("has 2 gradient groups, and each process needs one: give train.gradient_groups=3") !=
        std::string::npos);
  // No number of groups helps where there are fewer sequences than processes.
  const Outcome fewer =
      run_together(3, workshop().pretrain("fewer", {"train.batch_size=2", "train.micro_batch=2"}));
  CHECK(fewer.status == 2);
  CHECK(fewer.err.find("each process needs one: give a larger train.batch_size, or fewer processes") !=
        std::string::npos);
}

TEST_CASE("more processes than can share an update are refused before a folder is made") {
  if (!can_run_together()) return;
  const std::string folder = workshop().path("shared-by-none");
  Arguments command = workshop().finetune("no-model", "shared-by-none", {});
  const Outcome outcome = run_together(2, command);
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find(
            "has 1 gradient group, and each process needs one: give train.gradient_groups=2 (it decides") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder));
  const GlueWorkshop glue;
  const Outcome refused = run_together(2, glue.command("by-none"));
  CHECK(refused.err.find("give train.gradient_groups=2 (it decides") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(glue.run("by-none")));
}

TEST_CASE("a verb that does not share its work is refused") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(2, {"inspect", "nowhere"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("inspect runs in one process, but 2 were started") != std::string::npos);
  CHECK(run_together(2, {"bench", "fff"}).err.find("bench fff runs in one process") != std::string::npos);
}

TEST_CASE("tasks of srun that do not know of each other are told") {
  const Outcome outcome =
      Running({"evaluate", "no-such-run", "--data", "nowhere"}, "SLURM_STEP_NUM_TASKS=3").wait();
  CHECK(outcome.err.find("srun started 3 tasks that do not know of each other, and each does the whole: add "
                         "--mpi=pmix") != std::string::npos);
}

TEST_CASE("what is wrong for all is told once") {
  if (!can_run_together()) return;
  const Outcome outcome = run_together(2, workshop().pretrain("wrong", {"train.lr=fast"}));
  CHECK(outcome.status == 2);
  const std::size_t first = outcome.err.find("train.lr");
  REQUIRE(first != std::string::npos);
  CHECK(outcome.err.find("train.lr", first + 1) == std::string::npos);
}

namespace {

// Two processes, of which each has its number in the place of `#`.
Outcome run_unlike(const Arguments& arguments, const std::string& last) {
  std::string script = "exec \"$0\" \"$@\" " + last;
  script.replace(script.find('#'), 1, "${OMPI_COMM_WORLD_RANK}");
  std::vector<std::string> launcher = mpirun(2);
  launcher.insert(launcher.end(), {"sh", "-c", script});
  return Running(arguments, "", "", launcher).wait();
}

}  // namespace

TEST_CASE("processes that are to do other things, or read other files, are told") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  const Outcome settings = run_unlike(together("unlike", {"train.max_steps=2"}), "train.mask_rate=0.2#");
  CHECK(settings.status == 2);
  CHECK(settings.err.find(
            "process 1 is to run with train.mask_rate=0.21, process 0 with train.mask_rate=0.2:") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(shop.path("unlike")));

  run_well(shop.pretrain("alike", {"train.max_steps=2"}));
  shop.dir.write("unlike-0.txt", "one\ntwo\nthree\n");
  shop.dir.write("unlike-1.txt", "one\n");
  const Outcome rows = run_unlike({"embed", shop.path("alike"), "--file"}, shop.path("unlike-#.txt"));
  CHECK(rows.status == 2);
  CHECK(rows.err.find("--file: process 1 read something else there than process 0") != std::string::npos);

  for (const char* number : {"0", "1"}) {
    std::string text;
    for (int i = 0; i < 40; ++i)
      text += fmt::format("the {} tree of {} leaves is a tree of neurons\n\n", i, number);
    const std::string file = shop.dir.write(std::string("store-") + number + ".txt", text).string();
    run_well({"prepare", shop.path("prepare.yaml"), "text.files=[" + file + "]",
              "out=" + shop.path(std::string("store-") + number),
              "tokenizer.path=" + shop.data + "/tokenizer.json", "text.max_token_ratio=9"});
  }
  const Outcome data = run_unlike({"evaluate", shop.path("alike"), "--data"}, shop.path("store-#"));
  CHECK(data.status == 2);
  CHECK(data.err.find("process 1 read something else there than process 0") != std::string::npos);
}

TEST_CASE(
    "processes of which one has no instructions for bfloat16 are refused with Muon, and alike with AdamW") {
  if (!can_run_together()) return;
  const Workshop& shop = workshop();
  run_well(shop.pretrain("with-bfloat16", {"train.max_steps=1"}));
  const std::string own = run_well({"inspect", shop.path("with-bfloat16") + "/last.h5", "--json"})
                              .json()["program"]["bf16"]
                              .get<std::string>();
  const bool here = own != "none";
  // oneDNN's own limit, in process 1: the instruction set stays.
  std::vector<std::string> launcher = mpirun(2);
  const std::string script =
      "[ \"$OMPI_COMM_WORLD_RANK\" = 0 ] || export ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI; exec \"$0\" \"$@\"";
  launcher.insert(launcher.end(), {"sh", "-c", script});
  const auto run = [&](const std::string& optimizer) {
    return Running(together(optimizer + "-unlike", {"train.max_steps=2", "train.optimizer=" + optimizer}), "",
                   "", launcher)
        .wait();
  };
  CHECK(run("adamw").status == 0);
  const Outcome muon = run("muon");
  INFO(muon.err);
  CHECK(muon.status == (here ? 2 : 0));
  const std::string told =
      "for which process 0 has " + own + " and process 1 none, so that their weights would differ";
  CHECK((muon.err.find(told) != std::string::npos) == here);
}

}  // namespace espalier::testing
