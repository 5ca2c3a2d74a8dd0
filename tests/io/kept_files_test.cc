// Files of past format versions, kept in tests/io/kept/: they must load for ever. When a format changes, add
// files of the new version (`test_io --no-skip --test-case='kept files: write*'` writes what is missing) and
// leave the old ones alone.
#include <doctest/doctest.h>

#include "espalier/io/checkpoint.h"
#include "espalier/io/token_store.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

std::filesystem::path kept(const std::string& name) {
  return testing::source_folder() / "tests" / "io" / "kept" / name;
}

Checkpoint checkpoint_v1() {
  Checkpoint checkpoint;
  checkpoint.kind = "pretrain";
  checkpoint.model.push_back(
      {"encoder.layers.0.ffn.linear_in.weight", Tensor::from({2, 3}, {1, -2, 3.5F, 0, 1e-40F, 6})});
  checkpoint.model.push_back({"encoder.layers.0.attn.self_attention.norm_factor", Tensor::full({}, 0.125F)});
  checkpoint.optimizer.push_back(
      {"exp_avg.encoder.layers.0.ffn.linear_in.weight", Tensor::full({2, 3}, 0.25F)});
  checkpoint.state["step"] = 12;
  checkpoint.config_yaml = "seed: 1\n";
  checkpoint.tokenizer_json = "{}";
  checkpoint.metrics_jsonl = "{\"step\":12}\n";
  checkpoint.metadata["program"] = "kept";
  return checkpoint;
}

void write_token_store_v1(const std::filesystem::path& path) {
  TokenStoreWriter writer(path, {.vocabulary_size = 10, .sequence_length = 4});
  writer.append(Split::kTrain, std::vector<std::int32_t>{0, 1, 2, 3, 9, 8, 7, 9});
  writer.append(Split::kValidation, std::vector<std::int32_t>{5, 5, 5, 5});
  writer.finish("{}", Json::object());
}

TEST_CASE("kept files: write those of today's version" * doctest::skip()) {
  if (!std::filesystem::exists(kept("checkpoint_v1.h5")))
    save_checkpoint(kept("checkpoint_v1.h5"), checkpoint_v1());
  if (!std::filesystem::exists(kept("token_store_v1.h5"))) write_token_store_v1(kept("token_store_v1.h5"));
}

TEST_CASE("kept files: a checkpoint of version 1 loads") {
  const Checkpoint found = load_checkpoint(kept("checkpoint_v1.h5"));
  const Checkpoint expected = checkpoint_v1();
  CHECK(found.kind == expected.kind);
  REQUIRE(found.model.size() == 2);
  CHECK(found.model[0].name == expected.model[0].name);
  CHECK(found.model[0].value.to_vector() == expected.model[0].value.to_vector());
  CHECK(found.model[1].value.shape() == Shape({}));
  REQUIRE(found.optimizer.size() == 1);
  CHECK(found.optimizer[0].value.to_vector() == expected.optimizer[0].value.to_vector());
  CHECK(found.state == expected.state);
  CHECK(found.config_yaml == expected.config_yaml);
  CHECK(found.tokenizer_json == expected.tokenizer_json);
  CHECK(found.metrics_jsonl == expected.metrics_jsonl);
  CHECK(found.metadata == expected.metadata);
  // The checksum of weights is part of what other programs may have noted down.
  CHECK(list_checkpoint(kept("checkpoint_v1.h5"), true).weights_checksum == weights_checksum(expected.model));
  CHECK(weights_checksum(expected.model) == 3133863386567338713ULL);
}

TEST_CASE("kept files: a token store of version 1 loads") {
  const TokenStoreReader store(kept("token_store_v1.h5"), Verify::kEverything);
  CHECK(store.vocabulary_size() == 10);
  std::vector<std::int32_t> out(4);
  store.read(Split::kTrain, 1, out);
  CHECK(out == std::vector<std::int32_t>{9, 8, 7, 9});
  store.read(Split::kValidation, 0, out);
  CHECK(out == std::vector<std::int32_t>{5, 5, 5, 5});
  CHECK(store.unigram_counts() == std::vector<std::uint64_t>{1, 1, 1, 1, 0, 0, 0, 1, 1, 2});
}

}  // namespace
}  // namespace espalier::io
