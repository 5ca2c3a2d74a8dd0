// Datasets of a small checkpoint and a small token store, to be forged.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/io/hdf5_file.h"

namespace espalier::testing {

struct Dataset {
  std::string name;
  io::Hdf5Type type = io::Hdf5Type::kUint8;
  Shape shape;
  std::string content;  // its bytes
};

std::vector<Dataset> checkpoint_datasets();
std::vector<Dataset> token_store_datasets();

// Writes a file of that kind. Contents are cut or filled with zeros to what type and shape say.
void write_datasets(const std::filesystem::path& path, const std::string& kind,
                    const std::vector<Dataset>& datasets);

}  // namespace espalier::testing
