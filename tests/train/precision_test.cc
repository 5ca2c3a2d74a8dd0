// ctest-label: threads
// Training with products in bf16, on machines that have them.
#include <doctest/doctest.h>

#include <cmath>

#include "espalier/base/parallel.h"
#include "espalier/train/finetuner.h"
#include "espalier/train/pretrainer.h"
#include "kernels/isa.h"
#include "tests/train/finetune_support.h"
#include "tests/train/train_support.h"

namespace espalier::train {
namespace {

using testing::error_of;
using testing::FinetuneWorkspace;
using testing::metrics_of;
using testing::PretrainWorkspace;
using testing::weights_of;

// Without the instructions there is nothing to train, but a refusal.
bool machine_has_bf16() {
  if (kernels::bfloat16_obstacle().empty()) return true;
  const PretrainWorkspace work;
  const std::string message = error_of([&] { pretrain(work.config("refused", {"train.precision=bf16"})); });
  CHECK(message == "train.precision: bf16: " + kernels::bfloat16_obstacle() +
                       ": products of bf16 would take 2 to 4 times as long as in float32; use float32");
  CHECK_FALSE(std::filesystem::exists(work.run("refused")));
  return false;
}

double last_loss(const std::filesystem::path& run) {
  const std::string metrics = metrics_of(run);
  const std::size_t place = metrics.rfind("\"eval_loss\":");
  REQUIRE(place != std::string::npos);
  return std::stod(metrics.substr(place + 12));
}

}  // namespace

TEST_CASE(
    "bf16 pretraining has the same bits on any number of threads and through a kill, and float32's loss") {
  if (!machine_has_bf16()) return;
  const PretrainWorkspace work;
  const std::string bf16 = "train.precision=bf16";
  pretrain(work.config("float32"));
  pretrain(work.config("whole", {bf16}));
  set_thread_count(3);
  pretrain(work.config("threads", {bf16}));
  set_thread_count(available_cores());
  pretrain(work.config("parts", {bf16, "train.max_steps=8"}));
  pretrain(work.config("parts", {bf16}));
  const std::string weights = weights_of(work.run("whole") / "last.h5");
  CHECK(weights == weights_of(work.run("threads") / "last.h5"));
  CHECK(weights == weights_of(work.run("parts") / "last.h5"));
  CHECK(weights != weights_of(work.run("float32") / "last.h5"));
  CHECK(std::abs(last_loss(work.run("whole")) - last_loss(work.run("float32"))) < 0.01);
}

TEST_CASE("a run goes on in the precision that it began with") {
  if (!machine_has_bf16()) return;
  const PretrainWorkspace work;
  pretrain(work.config("a", {"train.max_steps=2"}));
  CHECK(error_of([&] {
          pretrain(work.config("a", {"train.precision=bf16"}));
        }).find("train.precision: float32 in the run, bf16 now") != std::string::npos);
}

TEST_CASE("bf16 fine-tuning has the same bits on any number of threads, and learns as float32 does") {
  if (!machine_has_bf16()) return;
  const FinetuneWorkspace work;
  const auto accuracy = [&](const std::string& name, const std::string& precision) {
    return io::to_json(finetune(work.config(name, {"train.precision=" + precision})))["eval_accuracy"]
        .get<double>();
  };
  const double expected = accuracy("float32", "float32");
  CHECK(std::abs(accuracy("a", "bf16") - expected) <= 0.051);  // two of 40 rows
  set_thread_count(3);
  accuracy("b", "bf16");
  set_thread_count(available_cores());
  CHECK(weights_of(work.run("a") / "last.h5") == weights_of(work.run("b") / "last.h5"));
  CHECK(weights_of(work.run("a") / "last.h5") != weights_of(work.run("float32") / "last.h5"));
}

}  // namespace espalier::train
