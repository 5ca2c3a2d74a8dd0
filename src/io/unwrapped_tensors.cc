#include "io/unwrapped_tensors.h"

#include <algorithm>

namespace espalier::io {

namespace {

// A model may have a part of its own called `module`: only what stands before all names is a wrapper's.
std::string wrapper_of(const std::vector<std::string>& names) {
  std::string wrapper;
  const auto all_begin_with = [&](const std::string& prefix) {
    return !names.empty() && std::all_of(names.begin(), names.end(), [&](const std::string& name) {
      return name.size() > prefix.size() && name.starts_with(prefix);
    });
  };
  for (bool found = true; found;) {
    found = false;
    for (const char* prefix : {"module.", "_orig_mod."}) {
      if (!all_begin_with(wrapper + prefix)) continue;
      wrapper += prefix;
      found = true;
    }
  }
  return wrapper;
}

}  // namespace

UnwrappedTensors::UnwrappedTensors(const std::filesystem::path& path)
    : file_(path), wrapper_(wrapper_of(file_.names())) {
  for (const std::string& name : file_.names()) names_.push_back(name.substr(wrapper_.size()));
}

}  // namespace espalier::io
