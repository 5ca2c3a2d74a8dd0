// The bytes of the user block (layout in io/sealed_file.h).
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "io/sealed_file.h"

namespace espalier::io {

static_assert(std::endian::native == std::endian::little, "the file formats are little-endian");

struct UserBlock {
  std::uint32_t version = 0;
  std::string kind;
  std::uint64_t file_bytes = 0;
  LayoutPlace layout;
  std::uint64_t layout_checksum = 0;
  std::vector<std::uint64_t> segments;
};

using UserBlockBytes = std::array<std::byte, kUserBlockBytes>;

UserBlockBytes pack_user_block(const UserBlock& block);

// True if these bytes, of which there may be less than a whole block, begin as one of our files does.
bool has_our_magic(const std::byte* bytes, std::size_t size);

// Throws DamagedFile if the checksum is wrong, InputError for a scheme newer than this program's.
// `actual_bytes` is the file's real length.
UserBlock unpack_user_block(const UserBlockBytes& bytes, std::uint64_t actual_bytes,
                            const std::filesystem::path& path);

}  // namespace espalier::io
