// Integrity of our .h5 files: every byte is covered by a checksum, verified with our own reads before libhdf5
// is let near the file.
//
// The first 4096 bytes are HDF5's user block, which HDF5 leaves to us (all numbers little-endian):
//      0  magic, 16 bytes: 89 "Espalier" 0D 0A 1A 0A 00 00 00
//     16  u32 version of this scheme (1)
//     20  u32 version of the content, by kind
//     24  kind of content, 24 bytes padded with zeros: "checkpoint", "token store" ...
//     48  u64 length of the file
//     56  u64 offset, u64 length, u64 checksum of the layout: JSON, the dataset "/layout", which names each
//     data
//         set with its byte range and the checksums of its 1 MiB blocks
//     80  u64 segment length, u64 number of segments (at most 480), then the checksum of each segment
//   4088  u64 checksum of all the above, bytes 0 to 4087
// A segment is a fixed piece of the file after the user block; its checksum covers what is in no dataset,
// that is, HDF5's own structure and the layout. Segments are 1 MiB long, or the least power of two of which
// 480 suffice. That datasets carry their own checksums, and not the segments, lets a reader check the
// structure of a 100 GB file in milliseconds and a dataset block by block, and lets it name the dataset that
// is damaged. Checksums are XXH3-64; they find damage, not forgery.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "espalier/base/checksum.h"
#include "io/file_ops.h"
#include "io/mapped_file.h"

namespace espalier::io {

inline constexpr std::uint64_t kUserBlockBytes = 4096;
inline constexpr std::uint64_t kBlockBytes = std::uint64_t{1} << 20U;
inline constexpr std::uint64_t kMaxSegments = 480;

// The bytes of one dataset.
struct Extent {
  std::string name;
  std::uint64_t offset = 0;  // in the file
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> checksums;  // of each kBlockBytes, the last block shorter
};

// Checksums of the consecutive blocks of data that arrives in pieces.
class BlockChecksums {
 public:
  void update(const void* data, std::size_t size);
  // Ends the last block. Call once.
  std::vector<std::uint64_t> finish();

 private:
  std::vector<std::uint64_t> done_;
  Checksum current_;
  std::uint64_t in_current_ = 0;
};

// Where the layout is in the file.
struct LayoutPlace {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
};

std::string layout_text(const std::vector<Extent>& extents);

// Writes the user block of a finished HDF5 file, reading its structure back.
void seal_file(AtomicFile& file, const std::string& kind, std::uint32_t version,
               const std::vector<Extent>& extents, const LayoutPlace& layout);

// The least power of two, at least 1 MiB, of which kMaxSegments cover `bytes`.
std::uint64_t segment_bytes_for(std::uint64_t bytes);

// A sealed file opened for reading. The constructor verifies the user block, the length, the layout and the
// structure, and throws DamagedFile or InputError (espalier/io/hdf5_file.h).
class SealedFile {
 public:
  explicit SealedFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  const FileDescriptor& file() const { return file_->file(); }
  const MappedFile& mapped() const { return *file_; }
  const std::string& kind() const { return kind_; }
  std::uint32_t version() const { return version_; }
  std::uint64_t bytes() const { return bytes_; }
  const std::vector<Extent>& extents() const { return extents_; }

  // Verifies those blocks of an extent that overlap [begin, begin + size) and were not verified before.
  // Thread-safe. DamagedFile names the dataset and the bytes.
  void verify(std::size_t extent, std::uint64_t begin, std::uint64_t size) const;
  void verify_everything() const;
  // The bytes of an extent from `begin` on, verified. Blocks that lie in it whole are read once, each checked
  // where it lands, several at a time.
  void read(std::size_t extent, std::uint64_t begin, std::byte* data, std::size_t size) const;

 private:
  void read_user_block();
  void read_layout(const LayoutPlace& place, std::uint64_t expected_checksum);
  void verify_structure() const;
  // Verifies blocks [first, last) of an extent, several at a time, and leaves them at `data`, unless it is
  // null.
  void take_blocks(std::size_t extent, std::uint64_t first, std::uint64_t last, std::byte* data) const;

  std::filesystem::path path_;
  std::shared_ptr<const MappedFile> file_;
  std::uint64_t bytes_ = 0;
  std::string kind_;
  std::uint32_t version_ = 0;
  std::vector<std::uint64_t> segment_checksums_;
  std::vector<Extent> extents_;
  // One flag a block, extent after extent: 1 once verified.
  std::vector<std::uint64_t> first_block_;
  mutable std::unique_ptr<std::atomic<std::uint8_t>[]> verified_;
};

}  // namespace espalier::io
