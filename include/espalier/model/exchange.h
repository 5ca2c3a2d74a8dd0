// Models in and out of Hugging Face's layout.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "espalier/io/checkpoint.h"
#include "espalier/io/hf_model.h"

namespace espalier::model {

struct ExportOptions {
  std::optional<io::DType> dtype;  // as in io::HfWriteOptions
  // Export the hard trees of a model that was trained to be a mixture (routing.mode: soft), which compute
  // something else.
  bool harden = false;
  io::HfFormat format = io::HfFormat::kAuto;
};

struct ExportSummary {
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;
  std::vector<std::string> warnings;
};

// Writes MODEL to `folder` as a Hugging Face folder with a model card (README.md), in a layout that
// computes it exactly. InputError naming the setting where the original's is asked for and does not.
ExportSummary export_model(const std::filesystem::path& model, const std::filesystem::path& folder,
                           const ExportOptions& options = {});

struct ImportSummary {
  io::Checkpoint checkpoint;  // as saved
  std::vector<std::string> warnings;
};

// Reads a Hugging Face folder into a checkpoint of kind "model", a .h5; one in int8 as the floats that its
// bytes stand for, if `dequantize` says so.
ImportSummary import_model(const std::filesystem::path& folder, const std::filesystem::path& file,
                           bool dequantize = false);

}  // namespace espalier::model
