// Which names are offered for one that does not exist, and that none is where none is near.
#include "config/nearest.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier::config {

TEST_CASE("the key that was meant is sought in its group, and spelling counts by its last part") {
  const std::vector<std::string> keys = {"train.eps",    "train.max_steps", "train.batch_size",
                                         "train.epochs", "log.steps",       "eval.bootstrap",
                                         "model"};
  CHECK(nearest_key("train.budget.steps", keys) == "train.max_steps");
  CHECK(nearest_key("train.steps", keys) == "train.max_steps");
  CHECK(nearest_key("train.batch", keys) == "train.batch_size");
  CHECK(nearest_key("train.log.steps", keys) == "log.steps");
  CHECK(nearest_key("save.steps", keys) == "log.steps");
  CHECK(nearest_key("train.ecpohs", keys) == "train.epochs");
  CHECK(nearest_key("train.step", keys).empty());
  CHECK(nearest_key("train.lr", {}).empty());
}

TEST_CASE("a word far from all has no nearest") {
  const std::vector<std::string> verbs = {"prepare", "pretrain", "embed"};
  CHECK(nearest_word("preprain", verbs) == "pretrain");
  CHECK(nearest_word("embd", verbs) == "embed");
  CHECK(nearest_word("grow", verbs).empty());
  CHECK(nearest_word("grow", {}).empty());
}

TEST_CASE("a configuration file is offered where its name is near, or goes on where the other ends") {
  const testing::TempDir dir;
  dir.write("cramming.yaml", "");
  dir.write("crammedbert-3072.yaml", "");
  const auto nearest = [&](const char* name) { return nearest_config_file(dir / name).filename(); };
  CHECK(nearest("crammed.yaml") == "crammedbert-3072.yaml");
  CHECK(nearest("craming") == "cramming.yaml");
  CHECK(nearest("data=x").empty());
  CHECK(nearest("m.yaml").empty());
}

}  // namespace espalier::config
