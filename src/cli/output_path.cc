#include "cli/output_path.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "espalier/base/error.h"
#include "espalier/io/hdf5_file.h"

namespace espalier::cli {
namespace {

namespace fs = std::filesystem;

// Beside weights and checkpoints, which their extensions tell.
constexpr std::array<std::string_view, 22> kOfModelsAndRuns = {
    "config.yaml",
    "metrics.jsonl",
    "trainer_state.json",
    "trees.json",
    "train_results.json",
    "eval_results.json",
    "all_results.json",
    "predictions_dev.tsv",
    "predictions_dev_mm.tsv",
    "predictions_best_dev.tsv",
    "predictions_best_dev_mm.tsv",
    "results.json",
    "results.md",
    "model.json",
    "config.json",
    "model_config.json",
    "modules.json",
    "README.md",
    "tokenizer.json",
    "vocab.txt",
    "tokenizer_config.json",
    "special_tokens_map.json",
};

bool belongs_to_model_or_run(const fs::path& file, const std::string& own) {
  const std::string name = file.filename().string(), extension = file.extension().string();
  if (name == own) return false;
  return extension == ".safetensors" || extension == ".bin" ||
         std::find(kOfModelsAndRuns.begin(), kOfModelsAndRuns.end(), name) != kOfModelsAndRuns.end();
}

bool lies_in(const fs::path& file, const fs::path& folder) {
  std::error_code none;
  return fs::is_directory(folder, none) && fs::equivalent(fs::absolute(file).parent_path(), folder, none);
}

// "checkpoint", "token store"; empty where it is none of our files.
std::string kind_of(const fs::path& file) {
  try {
    return io::hdf5_kind(file);
  } catch (const Error&) {
    return "";
  }
}

}  // namespace

void require_free_output(const std::string& output, const std::vector<Input>& inputs,
                         const std::string& own) {
  if (output == "-") {
    throw InputError(
        "--output: -: expected the name of a file; nothing is written to standard output by this "
        "option, and a file of this name is ./-");
  }
  // What cannot be looked at is no file yet, or a pipe that is gone: writing and reading say so themselves.
  std::error_code none;
  if (output.empty() || !fs::is_regular_file(output, none)) return;
  const auto refuse = [&](const std::string& what) {
    throw InputError(
        fmt::format("--output: {}: this is {}, which would be lost; name another file", output, what));
  };
  for (const Input& input : inputs) {
    if (input.path.empty()) continue;
    if (fs::equivalent(output, input.path, none)) refuse(input.name + " itself");
    if (lies_in(output, input.path) && belongs_to_model_or_run(output, own))
      refuse("a file of " + input.name);
  }
  const std::string kind = kind_of(output);
  if (!kind.empty() && kind != "embeddings") refuse("a " + kind);
}

}  // namespace espalier::cli
