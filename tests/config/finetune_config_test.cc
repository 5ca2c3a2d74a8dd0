#include "espalier/config/finetune_config.h"

#include <doctest/doctest.h>

#include "espalier/base/error.h"
#include "tests/support/support.h"

namespace espalier::config {
namespace {

// What is wrong with a fine-tuning of these settings; empty if nothing.
std::string refusal(std::vector<std::string> overrides) {
  overrides.insert(overrides.end(), {"model=m", "run=r"});
  try {
    const auto config = load<FinetuneConfig>("", overrides);
    validate(config);
    if (config.task.name != "custom") refuse_custom_keys(config);
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a GLUE task takes no key of one's own tables, by name") {
  CHECK(refusal({"task.name=sst2", "task.dir=glue", "task.max_train=5", "task.class_weights=balanced"})
            .empty());
  for (const std::string setting :
       {"task.train=t.tsv", "task.dev=d.tsv", "task.text=review", "task.text_pair=b", "task.label=y",
        "task.regression=true", "task.format=csv", "task.separator=semicolon", "task.header=false",
        "task.on_bad_record=skip"}) {
    const std::string key = setting.substr(0, setting.find('='));
    CHECK(refusal({"task.name=sst2", "task.dir=glue", setting})
              .starts_with(key + " goes with task.name: custom; the files of the GLUE task sst2"));
  }
}

TEST_CASE("a custom task takes no folder") {
  CHECK(refusal({"task.train=t.tsv", "task.dev=d.tsv"}).empty());
  CHECK(refusal({"task.train=t.tsv", "task.dev=d.tsv", "task.dir=glue"})
            .starts_with("task.dir goes with a GLUE task"));
}

}  // namespace espalier::config
