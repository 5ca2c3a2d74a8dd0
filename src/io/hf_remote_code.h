// The Python modules that compute in transformers what none of its classes does: text of src/io/python, which
// CMake puts into the program.
#pragma once

#include <span>
#include <string_view>

namespace espalier::io {

struct RemoteModule {
  const char* file;
  std::string_view text;
};

// configuration_espalier.py and modeling_espalier.py.
std::span<const RemoteModule> remote_modules();

}  // namespace espalier::io
