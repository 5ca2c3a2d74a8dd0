// Weights that were saved within a wrapper of PyTorch.
#include "io/unwrapped_tensors.h"

#include <doctest/doctest.h>

#include "tests/io/hf_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::HfFolder;
using testing::TempDir;
using namespace hf_testing;

HfFolder wrapped(HfFolder folder, const std::string& prefix) {
  for (SafetensorsEntry& entry : folder.tensors) entry.name = prefix + entry.name;
  return folder;
}

}  // namespace

TEST_CASE("names that all begin with a wrapper's prefix are read without it, with a warning") {
  for (const HfFolder& folder : {testing::small_masked_lm(), testing::small_classifier(3)}) {
    const TempDir dir;
    const HfModel plain = read_back(folder, dir);
    for (const char* prefix : {"module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."}) {
      const TempDir other;
      const HfModel model = read_back(wrapped(folder, prefix), other);
      CHECK(weights_checksum(model.tensors) == weights_checksum(plain.tensors));
      CHECK(model.classifier.has_value() == plain.classifier.has_value());
      REQUIRE(model.warnings.size() == 1);
      CHECK(model.warnings[0] == (other / "in" / "model.safetensors").string() +
                                     ": every tensor's name begins with `" + prefix +
                                     "`, which a wrapper of PyTorch put there; it was left out");
      // It does not come back with an export, whose types are those of the plain names.
      write_hf_model(other / "out", model);
      write_hf_model(dir / "out", plain);
      CHECK(stored(other / "out") == stored(dir / "out"));
    }
  }
}

TEST_CASE("a prefix of some names alone is no wrapper's") {
  HfFolder folder = testing::small_masked_lm();
  folder.tensor("encoder.final_norm.bias").name = "module.encoder.final_norm.bias";
  CHECK(error_of_reading(folder).find("tensor `encoder.final_norm.bias` [8] is missing") !=
        std::string::npos);
}

TEST_CASE("names that are nothing but a prefix, and files without tensors") {
  const TempDir dir;
  const std::vector<SafetensorsEntry> entries = {{"module.", Tensor::zeros({1})},
                                                 {"module.a", Tensor::zeros({2})}};
  write_safetensors(dir / "a.safetensors", entries);
  CHECK(UnwrappedTensors(dir / "a.safetensors").wrapper().empty());
  write_safetensors(dir / "none.safetensors", {});
  CHECK(UnwrappedTensors(dir / "none.safetensors").wrapper().empty());
  CHECK(UnwrappedTensors(dir / "none.safetensors").names().empty());
}

}  // namespace espalier::io
