#include "io/user_block.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "espalier/base/error.h"
#include "espalier/io/hdf5_file.h"

namespace espalier::io {

namespace {

constexpr std::array<unsigned char, 16> kMagic{0x89, 'E',  's',  'p',  'a',  'l', 'i', 'e',
                                               'r',  0x0D, 0x0A, 0x1A, 0x0A, 0,   0,   0};
constexpr std::uint32_t kSchemeVersion = 1;
constexpr std::size_t kKindAt = 24;
constexpr std::size_t kKindBytes = 24;
constexpr std::size_t kSegmentsAt = 96;
constexpr std::size_t kChecksumAt = kUserBlockBytes - 8;
static_assert(kSegmentsAt + kMaxSegments * 8 <= kChecksumAt);

template <class Value>
void put(UserBlockBytes& bytes, std::size_t at, Value value) {
  std::memcpy(bytes.data() + at, &value, sizeof(value));
}

template <class Value>
Value get(const UserBlockBytes& bytes, std::size_t at) {
  Value value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

}  // namespace

UserBlockBytes pack_user_block(const UserBlock& block) {
  ESPALIER_CHECK(block.kind.size() < kKindBytes && block.segments.size() <= kMaxSegments);
  UserBlockBytes bytes{};
  std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
  put(bytes, 16, kSchemeVersion);
  put(bytes, 20, block.version);
  std::memcpy(bytes.data() + kKindAt, block.kind.data(), block.kind.size());
  put(bytes, 48, block.file_bytes);
  put(bytes, 56, block.layout.offset);
  put(bytes, 64, block.layout.bytes);
  put(bytes, 72, block.layout_checksum);
  put(bytes, 80, segment_bytes_for(block.file_bytes - kUserBlockBytes));
  put(bytes, 88, static_cast<std::uint64_t>(block.segments.size()));
  for (std::size_t i = 0; i < block.segments.size(); ++i) put(bytes, kSegmentsAt + 8 * i, block.segments[i]);
  put(bytes, kChecksumAt, checksum(bytes.data(), kChecksumAt));
  return bytes;
}

bool has_our_magic(const std::byte* bytes, std::size_t size) {
  return size > 0 && std::memcmp(bytes, kMagic.data(), std::min(size, kMagic.size())) == 0;
}

UserBlock unpack_user_block(const UserBlockBytes& bytes, std::uint64_t actual_bytes,
                            const std::filesystem::path& path) {
  if (get<std::uint64_t>(bytes, kChecksumAt) != checksum(bytes.data(), kChecksumAt)) {
    throw DamagedFile(path, "file structure", 0, kUserBlockBytes);
  }
  const auto scheme = get<std::uint32_t>(bytes, 16);
  if (scheme > kSchemeVersion) {
    throw InputError(
        fmt::format("{}: written by a newer version of Espalier (file scheme {}, this program reads "
                    "up to {}): update the program",
                    path.string(), scheme, kSchemeVersion));
  }
  UserBlock block;
  block.version = get<std::uint32_t>(bytes, 20);
  const auto* kind = reinterpret_cast<const char*>(bytes.data() + kKindAt);
  block.kind.assign(kind, std::find(kind, kind + kKindBytes, '\0'));
  block.file_bytes = get<std::uint64_t>(bytes, 48);
  if (block.file_bytes != actual_bytes) {
    throw InputError(
        fmt::format("{}: {}: it has {} bytes, expected {}: take another copy", path.string(),
                    actual_bytes < block.file_bytes ? "truncated" : "something was appended to it",
                    actual_bytes, block.file_bytes));
  }
  block.layout = {get<std::uint64_t>(bytes, 56), get<std::uint64_t>(bytes, 64)};
  block.layout_checksum = get<std::uint64_t>(bytes, 72);
  const std::uint64_t segment_bytes = segment_bytes_for(actual_bytes - kUserBlockBytes);
  const std::uint64_t count = (actual_bytes - kUserBlockBytes + segment_bytes - 1) / segment_bytes;
  const bool layout_fits = block.layout.offset >= kUserBlockBytes && block.layout.offset <= actual_bytes &&
                           block.layout.bytes <= actual_bytes - block.layout.offset;
  if (!layout_fits || get<std::uint64_t>(bytes, 80) != segment_bytes ||
      get<std::uint64_t>(bytes, 88) != count) {
    throw InputError(fmt::format("{}: its user block contradicts itself", path.string()));
  }
  for (std::size_t i = 0; i < count; ++i)
    block.segments.push_back(get<std::uint64_t>(bytes, kSegmentsAt + 8 * i));
  return block;
}

}  // namespace espalier::io
