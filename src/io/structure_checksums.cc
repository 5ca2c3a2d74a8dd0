#include "io/structure_checksums.h"

#include <algorithm>
#include <cstddef>

namespace espalier::io {

namespace {

struct Range {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

// What lies between the datasets, after the user block.
std::vector<Range> gaps(std::uint64_t file_bytes, const std::vector<Extent>& extents) {
  std::vector<Range> taken;
  for (const Extent& extent : extents) {
    if (extent.bytes > 0) taken.push_back({extent.offset, extent.offset + extent.bytes});
  }
  std::sort(taken.begin(), taken.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  taken.push_back({file_bytes, file_bytes});
  std::vector<Range> free;
  std::uint64_t at = kUserBlockBytes;
  for (const Range& range : taken) {
    if (range.begin > at) free.push_back({at, range.begin});
    at = range.end;
  }
  return free;
}

}  // namespace

std::uint64_t segment_bytes_for(std::uint64_t bytes) {
  std::uint64_t segment = std::uint64_t{1} << 20U;
  while (bytes / segment + (bytes % segment != 0 ? 1 : 0) > kMaxSegments) segment *= 2;
  return segment;
}

std::vector<std::uint64_t> structure_checksums(const FileDescriptor& file, const std::filesystem::path& path,
                                               std::uint64_t file_bytes, const std::vector<Extent>& extents) {
  const std::uint64_t segment = segment_bytes_for(file_bytes - kUserBlockBytes);
  const std::vector<Range> free = gaps(file_bytes, extents);
  std::vector<std::byte> buffer(kBlockBytes);
  std::vector<std::uint64_t> sums;
  std::size_t next = 0;
  for (std::uint64_t begin = kUserBlockBytes; begin < file_bytes; begin += segment) {
    const std::uint64_t end = std::min(begin + segment, file_bytes);
    Checksum sum;
    while (next < free.size() && free[next].begin < end) {
      std::uint64_t at = std::max(begin, free[next].begin);
      const std::uint64_t stop = std::min(end, free[next].end);
      while (at < stop) {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), stop - at));
        read_exactly_at(file, path, at, buffer.data(), size);
        sum.update(buffer.data(), size);
        at += size;
      }
      if (free[next].end > end) break;
      ++next;
    }
    sums.push_back(sum.value());
  }
  return sums;
}

}  // namespace espalier::io
