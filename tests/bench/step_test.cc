#include "espalier/bench/step.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "espalier/base/error.h"
#include "espalier/io/hf_model.h"
#include "espalier/io/safetensors.h"
#include "tests/support/support.h"

namespace espalier::bench {
namespace {

StepOptions small_options() {
  StepOptions options;
  options.name = "small";
  options.config.arch.layers = 2;
  options.config.arch.hidden_size = 16;
  options.config.arch.attention.heads = 2;
  options.config.arch.embedding.vocab_size = 100;
  options.config.arch.ffn.depth = 3;
  options.sequences = 4;
  options.length = 16;
  options.rounds = 3;
  return options;
}

TEST_CASE("a step is measured on a model that learns, and in steady state asks the system for no memory") {
  StepOptions options = small_options();
  options.rounds = 12;
  options.config.optimizer.lr = 1e-2;
  const StepRow row = bench_step(options).row;
  CHECK(row.layer == "1x3");
  CHECK(row.routing == "hard");
  CHECK(row.train_tokens_per_s > 0);
  CHECK(row.forward_tokens_per_s > 0);
  CHECK(row.sequence_ms > 0);
  CHECK(row.peak_rss_gb > 0);
  CHECK(row.mfu > 0);
  CHECK(row.optimizer == "adamw");
  CHECK(row.optimizer_share > 0);
  CHECK(row.optimizer_share < 1);
  CHECK(row.last_loss < row.first_loss);
}

TEST_CASE("where paths are left out by their weight operations are not counted") {
  StepOptions options = small_options();
  options.config.routing.mode = config::Routing::kSoft;
  CHECK(bench_step(options).row.mfu);
  options.config.routing.epsilon = 0.1;
  const StepRow row = bench_step(options).row;
  CHECK_FALSE(row.mfu);
  CHECK_FALSE(row.flops_per_token);
  CHECK(step_json(row)["mfu"].is_null());
  options.config.arch.ffn = {.type = nn::FeedForwardType::kDense, .width = 8};
  CHECK(step_json(bench_step(options).row)["routing"].is_null());
}

TEST_CASE("operations of a token") {
  nn::EncoderOptions arch;
  arch.layers = 1;
  arch.hidden_size = 8;
  arch.embedding.vocab_size = 40;
  arch.ffn.type = nn::FeedForwardType::kDense;
  arch.ffn.width = 0;
  // Keys and values: 2 d rows, queries: 2 d + 2 S, of a quarter of the positions in the last layer; head: a
  // quarter of the vocabulary; forward and twice backward.
  const double rest = 2.0 * 8 * 3 * (2 * 8 + (2 * 8 + 2 * 16) / 4 + 10);
  CHECK(training_flops_per_token(arch, ops::RoutingMode::kHard, 16, 0.25) == doctest::Approx(rest));
  arch.ffn.width = 20;
  CHECK(training_flops_per_token(arch, ops::RoutingMode::kHard, 16, 0.25) ==
        doctest::Approx(rest + 2.0 * 8 * 3 * 40 / 4));
  // With dropout the last layer is computed in full, as every other is.
  const double full = 2.0 * 8 * 3 * (4 * 8 + 2 * 16 + 10);
  CHECK(training_flops_per_token(arch, ops::RoutingMode::kHard, 16, 0.25, true) ==
        doctest::Approx(full + 2.0 * 8 * 3 * 40));
  arch.ffn = {.trees = 2, .depth = 3};
  CHECK(training_flops_per_token(arch, ops::RoutingMode::kHard, 16, 0.25) ==
        doctest::Approx(rest + 2.0 * 8 * 3 * 2 * 2 * 4 / 4));
  // 3 + 2 + 1 sibling nodes a tree, 2 rows each.
  CHECK(training_flops_per_token(arch, ops::RoutingMode::kStraightThrough, 16, 0.25) ==
        doctest::Approx(rest + 2.0 * 8 * (3 * 2 * 2 * 4 + 2 * 2 * 6) / 4));
  CHECK(training_flops_per_token(arch, ops::RoutingMode::kSoft, 16, 0.25) ==
        doctest::Approx(full + 2.0 * 8 * 3 * 2 * 2 * 15));
}

TEST_CASE("the exported model and batch can be read back") {
  const testing::TempDir dir;
  StepOptions options = small_options();
  options.rounds = 1;
  options.export_folder = (dir / "out").string();
  bench_step(options);
  const io::HfModel model = io::read_hf_model(dir / "out" / "model");
  CHECK(model.arch.ffn.depth == 3);
  const io::SafetensorsReader batch(dir / "out" / "batch.safetensors");
  CHECK(batch.info("ids").shape == Shape{4, 16});
  CHECK(batch.read("hidden").shape() == Shape{4, 16, 16});
  CHECK(batch.read_ints("positions").size() == 16);
  CHECK(batch.read("loss").data()[0] > 0);

  // Of a model that is measured in int8: in float32 all the same.
  options.config.precision = ops::Precision::kInt8;
  options.export_folder = (dir / "int8").string();
  bench_step(options);
  const io::SafetensorsReader again(dir / "int8" / "batch.safetensors");
  const Tensor hidden = batch.read("hidden"), same = again.read("hidden");
  CHECK(std::equal(hidden.data(), hidden.data() + hidden.size(), same.data()));
}

TEST_CASE("sizes that do not fit are refused") {
  StepOptions options = small_options();
  options.length = 129;
  CHECK_THROWS_WITH_AS(bench_step(options), doctest::Contains("--length 129 is more than"), InputError);
  options = small_options();
  options.config.arch.attention.heads = 3;
  CHECK_THROWS_AS(bench_step(options), InputError);
}

}  // namespace
}  // namespace espalier::bench
