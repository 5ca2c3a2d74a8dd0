// Zip archives. The only door to libzip.
#pragma once

#include <filesystem>
#include <span>
#include <string>

namespace espalier::io {

struct ZipEntry {
  std::string name;  // flat: no folders
  std::string text;
};

// Replaces `path` by an archive of these entries, in their order, deflated, or leaves what was there. Equal
// entries give equal bytes: every file has the date 1980-01-01 and the mode 0644. Throws RunError with the
// path and the reason.
void write_zip_atomically(const std::filesystem::path& path, std::span<const ZipEntry> entries);

}  // namespace espalier::io
