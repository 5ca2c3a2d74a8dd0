// ESPALIER_ISA: which instruction set the program computes with.
#include <doctest/doctest.h>

#include <cmath>

#include "kernels/isa.h"
#include "tests/cli/training_support.h"

namespace espalier::testing {
namespace {

Outcome run_with(const Arguments& arguments, const std::string& isa) {
  return Running(arguments, "ESPALIER_ISA=" + isa).wait();
}

}  // namespace

TEST_CASE("ESPALIER_ISA pins the instruction set, which checkpoints note, and results agree to rounding") {
  const Workshop& shop = workshop();
  struct Pin {
    const char* name;
    const char* target;  // Highway's name
  };
  run_well(shop.pretrain("unpinned"));
  const double expected = run_well({"evaluate", shop.path("unpinned"), "--data", shop.data, "--json"})
                              .json()["loss"]
                              .get<double>();
  const std::string unpinned_weights = weights_checksum_of(shop.path("unpinned"));
  for (const Pin& pin : {Pin{"sse4", "SSE4"}, Pin{"avx2", "AVX2"}}) {
    CAPTURE(pin.name);
    const Outcome outcome = run_with(shop.pretrain(pin.name), pin.name);
    if (outcome.status == 2 && outcome.err.find("best instruction set") != std::string::npos) {
      MESSAGE("this machine has no " << pin.name);
      continue;
    }
    INFO(outcome.err);
    REQUIRE(outcome.status == 0);
    const io::Json program =
        run_well({"inspect", shop.path(pin.name) + "/last.h5", "--json"}).json()["program"];
    CHECK(program["isa"] == pin.target);
    if (kernels::active_isa() != pin.target) {
      CHECK(weights_checksum_of(shop.path(pin.name)) != unpinned_weights);
      CHECK(Running(shop.pretrain(pin.name))
                .wait()
                .err.find("instruction set " + std::string(pin.target) + " until now, " +
                          kernels::active_isa() + " here") != std::string::npos);
    }
    const Outcome score =
        run_with({"evaluate", shop.path("unpinned"), "--data", shop.data, "--json"}, pin.name);
    CHECK(std::abs(score.json()["loss"].get<double>() - expected) < 1e-4);
  }
}

TEST_CASE(
    "a run with Muon that goes on without the instructions for bfloat16 says so, one with AdamW does not") {
  const Workshop& shop = workshop();
  for (const std::string optimizer : {"muon", "adamw"}) {
    CAPTURE(optimizer);
    const std::string key = "train.optimizer=" + optimizer, name = "bfloat16-" + optimizer;
    run_well(shop.pretrain(name, {key, "train.max_steps=1"}));
    const Outcome inspected = run_well({"inspect", shop.path(name) + "/last.h5", "--json"});
    const std::string before = inspected.json()["program"]["bf16"].get<std::string>();
    if (before == "none") {
      skip_test("this machine has no instructions for bfloat16");
      return;
    }
    // oneDNN's own limit: the instruction set stays.
    Running again(shop.pretrain(name, {key, "train.max_steps=2"}), "ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI");
    const Outcome outcome = again.wait();
    INFO(outcome.err);
    CHECK(outcome.status == 0);
    const bool told = outcome.err.find("instructions for bfloat16: " + before + " until now, none here") !=
                      std::string::npos;
    CHECK(told == (optimizer == "muon"));
  }
}

TEST_CASE("bf16 is refused where the instructions for it are left out") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("for-bf16", {"train.max_steps=1"}));
  const std::string ending =
      ": bf16: ESPALIER_ISA is sse4, which leaves out AVX512_BF16 and AMX_BF16: products of bf16 would take "
      "2 "
      "to 4 times as long as in float32; use float32";
  const struct {
    Arguments arguments;
    std::string who;
  } cases[] = {
      {shop.pretrain("never", {"train.precision=bf16"}), "train.precision"},
      {{"bench", "step", shop.path("pretrain.yaml"), "--precision", "bf16"}, "--precision"},
      {{"fill-mask", shop.path("for-bf16"), "a <mask>", "--precision", "bf16"}, "--precision"},
      {{"evaluate", shop.path("for-bf16"), "--data", shop.data, "--precision", "bf16"}, "--precision"}};
  for (const auto& [arguments, who] : cases) {
    const Outcome outcome = run_with(arguments, "sse4");
    CHECK(outcome.status == 2);
    INFO(outcome.err);
    CHECK(outcome.err.find(who + ending) != std::string::npos);
  }
  CHECK_FALSE(std::filesystem::exists(shop.path("never")));
}

TEST_CASE("ESPALIER_ISA: in any case, but a name that nobody knows is refused") {
  CHECK(run_with(workshop().pretrain("upper", {"train.max_steps=1"}), "SSE4").status == 0);
  const Outcome outcome = run_with(workshop().pretrain("nowhere"), "avx1024");
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("ESPALIER_ISA is `avx1024`") != std::string::npos);
  CHECK(outcome.err.find("sse4, avx2 or avx512") != std::string::npos);
  for (const Arguments& command : {Arguments{"--help"}, Arguments{"pretrain", "--help"},
                                   Arguments{"--version"}, Arguments{"completion", "bash"}}) {
    CAPTURE(command[0]);
    CHECK(run_with(command, "avx1024").status == 0);
  }
}

}  // namespace espalier::testing
