// The same seed gives the same bits over 500 steps: for any number of threads, and for a batch in one piece
// or in several micro-batches, which are computed and summed in passes of 4096 tokens.
#include <doctest/doctest.h>

#include "tests/cli/training_support.h"

namespace espalier::testing {
namespace {

#ifdef __SANITIZE_ADDRESS__
const char* const kSteps = "40";  // ten times slower
#else
const char* const kSteps = "500";
#endif

std::string weights_after(const std::string& name, const Arguments& overrides) {
  const Workshop& shop = workshop();
  Arguments all = {std::string("train.budget.steps=") + kSteps, "arch.ffn.depth=4", "log.steps=100",
                   "eval.steps=0"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  run_well(shop.pretrain(name, all));
  return weights_checksum_of(shop.path(name));
}

}  // namespace

TEST_CASE("1, 2, 4 and 8 threads, while trees go from soft to hard") {
  const auto run = [](int threads) {
    const std::string count = std::to_string(threads);
    return weights_after("threads" + count, {"--threads", count, "routing.mode=anneal", "train.batch_size=64",
                                             "train.micro_batch=64"});
  };
  const std::string one = run(1);
  for (const int threads : {2, 4, 8}) {
    INFO(threads << " threads");
    CHECK(run(threads) == one);
  }
}

TEST_CASE("1, 2 and 4 threads with Muon") {
  const auto run = [](int threads) {
    const std::string count = std::to_string(threads);
    return weights_after("muon" + count, {"--threads", count, "train.optimizer=muon",
                                          "arch.ffn.linear_rank=8", "train.batch_size=16"});
  };
  const std::string one = run(1);
  for (const int threads : {2, 4}) {
    INFO(threads << " threads");
    CHECK(run(threads) == one);
  }
}

TEST_CASE("one batch, and the same as two or four micro-batches") {
  const auto run = [](int size) {
    return weights_after("micro" + std::to_string(size),
                         {"routing.mode=straight_through", "train.batch_size=1024",
                          "train.micro_batch=" + std::to_string(size)});
  };
  const std::string whole = run(1024);
  for (const int size : {512, 256}) {
    INFO("micro-batches of " << size);
    CHECK(run(size) == whole);
  }
}

}  // namespace espalier::testing
