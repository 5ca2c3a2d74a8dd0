// What the fuzz targets share. A target feeds bytes from outside to a reader; the reader may refuse them with
// an Error, and may do nothing else: no crash, no other exception, no memory beyond what the input's length
// allows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace espalier::testing {

// The bytes under a name in a folder of this process, in memory where the system has /dev/shm; removed at
// exit.
std::filesystem::path fuzz_file(const std::string& name, std::string_view bytes);

// The first byte chooses one of `count` variants; the rest is the input.
struct Choice {
  std::size_t variant;
  std::string_view rest;
};
Choice choose(std::string_view bytes, std::size_t count);

}  // namespace espalier::testing

// The body of a target: `bytes` is the input.
void fuzz_one(std::string_view bytes);
