// Configurations of every verb that has one: YAML, overrides, and the check of their values.
#include "espalier/config/finetune_config.h"
#include "espalier/config/glue_config.h"
#include "espalier/config/pretrain_config.h"
#include "espalier/data/prepare.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

void fuzz_one(std::string_view input) {
  const testing::Choice choice = testing::choose(input, 5);
  const std::string text(choice.rest);
  if (choice.variant == 2) {
    config::parse_override(text);
    return;
  }
  const std::filesystem::path path = testing::fuzz_file("config.yaml", text);
  if (choice.variant == 0) config::load<config::PretrainConfig>(path, {});
  if (choice.variant == 1) config::load<config::FinetuneConfig>(path, {});
  if (choice.variant == 3) config::load<config::GlueConfig>(path, {});
  if (choice.variant == 4) config::load<data::PrepareOptions>(path, {});
}
