#include "espalier/io/checkpoint.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>

#include "espalier/io/hdf5_file.h"
#include "io/fault.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::error_of;
using testing::random_tensor;
using testing::TempDir;

Checkpoint sample(std::uint64_t seed) {
  Checkpoint checkpoint;
  checkpoint.kind = "pretrain";
  checkpoint.model.push_back({"encoder.layers.0.ffn.linear_in.weight", random_tensor({63, 32}, seed)});
  checkpoint.model.push_back({"encoder.embedding.pos_embedding.scale_factor", random_tensor({1}, seed + 1)});
  checkpoint.model.push_back({"encoder.layers.0.attn.self_attention.norm_factor", Tensor::full({}, 0.125F)});
  checkpoint.optimizer.push_back(
      {"exp_avg.encoder.layers.0.ffn.linear_in.weight", random_tensor({63, 32}, seed + 2)});
  checkpoint.state["step"] = seed;
  checkpoint.state["key"] = 18446744073709551615ULL;
  checkpoint.state["loss"] = 0.1;
  checkpoint.config_yaml = "seed: 1\n";
  checkpoint.tokenizer_json = "{\"version\": \"1.0\"}";
  checkpoint.metrics_jsonl = std::string(200000, 'm');
  checkpoint.metadata["labels"] = {"negative", "positive"};
  return checkpoint;
}

void check_equal(std::span<const NamedTensor> a, std::span<const NamedTensor> b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].name == b[i].name);
    CHECK(a[i].value.shape() == b[i].value.shape());
    CHECK(std::memcmp(a[i].value.data(), b[i].value.data(), a[i].value.span().size_bytes()) == 0);
  }
}

TEST_CASE("checkpoint: everything makes the round trip") {
  const TempDir dir;
  Checkpoint saved = sample(1);
  // Bits that comparisons do not see: a negative zero, a denormal, a NaN with a payload.
  saved.model[0].value.data()[0] = -0.0F;
  saved.model[0].value.data()[1] = 1e-42F;
  const std::uint32_t payload = 0x7FC12345U;
  std::memcpy(saved.model[0].value.data() + 2, &payload, 4);
  save_checkpoint(dir / "c.h5", saved);

  const Checkpoint loaded = load_checkpoint(dir / "c.h5");
  CHECK(loaded.kind == "pretrain");
  check_equal(loaded.model, saved.model);
  check_equal(loaded.optimizer, saved.optimizer);
  CHECK(loaded.state == saved.state);
  CHECK(loaded.state["key"].get<std::uint64_t>() == 18446744073709551615ULL);
  CHECK(loaded.config_yaml == saved.config_yaml);
  CHECK(loaded.tokenizer_json == saved.tokenizer_json);
  CHECK(loaded.metrics_jsonl == saved.metrics_jsonl);
  CHECK(loaded.metadata == saved.metadata);

  // Damage of what is not loaded is not in the way of the model.
  {
    std::fstream file(dir / "c.h5", std::ios::in | std::ios::out | std::ios::binary);
    const Hdf5Reader reader(dir / "c.h5", "checkpoint", kCheckpointVersion, Verify::kAsRead);
    file.seekp(static_cast<std::streamoff>(reader.dataset("optimizer/" + saved.optimizer[0].name).offset));
    file.put('\x7f');
  }
  CHECK_THROWS_AS(load_checkpoint(dir / "c.h5"), DamagedFile);
  const Checkpoint model_only = load_checkpoint(dir / "c.h5", LoadParts::kModel);
  check_equal(model_only.model, saved.model);
  CHECK(model_only.optimizer.empty());
  CHECK(model_only.metrics_jsonl.empty());
  CHECK(model_only.tokenizer_json == saved.tokenizer_json);

  const std::uint64_t expected = expected_checkpoint_bytes(saved.model, saved.optimizer, 210000);
  CHECK(std::filesystem::file_size(dir / "c.h5") <= expected);
}

TEST_CASE("checkpoint: the expected size is an upper bound, and not far off") {
  const TempDir dir;
  Checkpoint checkpoint;
  for (int i = 0; i < 300; ++i) {
    checkpoint.model.push_back(
        {"encoder.layers." + std::to_string(i) + ".attn.self_attention.query_key_value.weight",
         random_tensor({50, i}, 1)});
  }
  checkpoint.model.push_back({"large", random_tensor({5000, 1000}, 1)});
  save_checkpoint(dir / "c.h5", checkpoint);
  const std::uint64_t expected = expected_checkpoint_bytes(checkpoint.model, {}, 100);
  const std::uint64_t size = std::filesystem::file_size(dir / "c.h5");
  CHECK(size <= expected);
  CHECK(static_cast<double>(expected) <= 1.05 * static_cast<double>(size));
}

TEST_CASE("checkpoint: its contents can be listed, with the checksum of the weights") {
  const TempDir dir;
  const Checkpoint saved = sample(1);
  save_checkpoint(dir / "c.h5", saved);
  for (const bool verify : {false, true}) {
    const CheckpointContents contents = list_checkpoint(dir / "c.h5", verify);
    CHECK(contents.kind == "pretrain");
    CHECK(contents.format_version == 1);
    CHECK(contents.file_bytes == std::filesystem::file_size(dir / "c.h5"));
    REQUIRE(contents.model.size() == 3);
    CHECK(contents.model[0].name == "encoder.layers.0.ffn.linear_in.weight");
    CHECK(contents.model[0].dtype == "float32");
    CHECK(contents.model[0].shape == Shape({63, 32}));
    CHECK(contents.model[0].bytes == 63 * 32 * 4);
    CHECK(contents.model[2].shape == Shape({}));
    CHECK(contents.optimizer.size() == 1);
    CHECK(contents.metadata == saved.metadata);
    CHECK(contents.weights_checksum == weights_checksum(saved.model));
  }
}

TEST_CASE("checkpoint: the checksum of the weights sees names, shapes and bits, and not the order") {
  std::vector<NamedTensor> tensors = sample(1).model;
  const std::uint64_t sum = weights_checksum(tensors);
  std::swap(tensors[0], tensors[2]);
  CHECK(weights_checksum(tensors) == sum);
  tensors[0].name += "x";
  CHECK(weights_checksum(tensors) != sum);
  tensors = sample(1).model;
  tensors[0].value = tensors[0].value.reshape({32, 63});
  CHECK(weights_checksum(tensors) != sum);
  tensors = sample(1).model;
  tensors[1].value.data()[0] = std::nextafter(tensors[1].value.data()[0], 9.0F);
  CHECK(weights_checksum(tensors) != sum);
}

TEST_CASE("checkpoint: a file that is something else, and a name that can't be stored") {
  const TempDir dir;
  {
    Hdf5Writer writer(dir / "t.h5", "token store", 1);
    writer.commit();
  }
  CHECK(error_of([&] {
          load_checkpoint(dir / "t.h5");
        }).ends_with("t.h5: this is a token store, expected a checkpoint"));
  {
    Hdf5Writer writer(dir / "t.h5", "checkpoint", 1);
    writer.commit();
  }
  CHECK(error_of([&] { load_checkpoint(dir / "t.h5"); }).ends_with("t.h5: it holds no dataset kind"));
  Checkpoint slash;
  slash.model.push_back({"a/b", Tensor::zeros({1})});
  CHECK(error_of([&] { save_checkpoint(dir / "s.h5", slash); }).find("its name holds a slash") !=
        std::string::npos);
  CHECK(!std::filesystem::exists(dir / "s.h5"));
}

// Runs `work` in a child process and returns its status as from waitpid.
int in_child(const std::function<void()>& work) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    work();
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return status;
}

TEST_CASE("checkpoint: a process killed at any write, fsync or rename leaves a whole checkpoint") {
  const TempDir dir;
  save_checkpoint(dir / "c.h5", sample(1));
  std::uint64_t calls = 0;
  {
    const ScopedFault counter;
    save_checkpoint(dir / "d.h5", sample(2));
    calls = counter.calls();
  }
  REQUIRE(calls > 10);
  for (std::uint64_t n = 1; n <= calls; ++n) {
    const int status = in_child([&] {
      const ScopedFault armed({Fault::kKill, n, 0});
      save_checkpoint(dir / "c.h5", sample(2));
    });
    REQUIRE(WIFSIGNALED(status));
    CHECK(WTERMSIG(status) == SIGKILL);
    const Checkpoint found = load_checkpoint(dir / "c.h5");
    // Only fsync of the folder follows the rename.
    const std::uint64_t expected = n == calls ? 2 : 1;
    CHECK(found.state["step"].get<std::uint64_t>() == expected);
    check_equal(found.model, sample(expected).model);
  }
}

}  // namespace
}  // namespace espalier::io
