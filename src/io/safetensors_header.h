// The header of a safetensors file, checked.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "espalier/io/safetensors.h"

namespace espalier::io {

struct SafetensorsPlace {
  SafetensorsInfo info;
  std::uint64_t offset = 0;  // from the start of the data
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsPlace> tensors;
  std::map<std::string, std::string> metadata;
};

// `text` is the JSON header, `data_bytes` the length of what follows it. Throws InputError unless the tensors
// cover [0, data_bytes) exactly, each as long as its shape and dtype say.
SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_bytes,
                                           const std::string& where);

}  // namespace espalier::io
