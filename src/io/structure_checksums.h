// Checksums of a file's segments, the datasets left out.
#pragma once

#include "io/sealed_file.h"

namespace espalier::io {

// `extents` may come in any order but must lie inside the file and not overlap.
std::vector<std::uint64_t> structure_checksums(const FileDescriptor& file, const std::filesystem::path& path,
                                               std::uint64_t file_bytes, const std::vector<Extent>& extents);

}  // namespace espalier::io
