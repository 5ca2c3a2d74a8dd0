// Weights as a training left them that saved a model within its wrapper.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "espalier/io/safetensors.h"

namespace espalier::io {

// A safetensors file, read as SafetensorsReader does, without what PyTorch's wrappers put before every name:
// `module.` (DataParallel, DistributedDataParallel) and `_orig_mod.` (torch.compile), in any order.
class UnwrappedTensors {
 public:
  explicit UnwrappedTensors(const std::filesystem::path& path);

  // "module._orig_mod."; empty where one name or more lacks it.
  const std::string& wrapper() const { return wrapper_; }
  const std::vector<std::string>& names() const { return names_; }
  bool contains(const std::string& name) const { return file_.contains(wrapper_ + name); }
  const SafetensorsInfo& info(const std::string& name) const { return file_.info(wrapper_ + name); }
  Tensor read(const std::string& name) const { return file_.read(wrapper_ + name); }
  bool same(const std::string& name, const std::string& other) const {
    return file_.same(wrapper_ + name, wrapper_ + other);
  }
  ByteTensor read_bytes(const std::string& name) const { return file_.read_bytes(wrapper_ + name); }
  std::vector<std::int64_t> read_ints(const std::string& name) const {
    return file_.read_ints(wrapper_ + name);
  }

 private:
  SafetensorsReader file_;
  std::string wrapper_;
  std::vector<std::string> names_;
};

}  // namespace espalier::io
