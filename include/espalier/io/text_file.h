// Small text files, whole.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace espalier::io {

// The bytes of a whole file. Throws InputError if it can't be opened, RunError if reading fails.
std::string read_text_file(const std::filesystem::path& path);

// Replaces `path` by a file of these bytes, or leaves what was there: temporary file beside it, fsync,
// rename, fsync of the folder. Throws RunError with the path and the system's reason.
void write_text_atomically(const std::filesystem::path& path, std::string_view text);

}  // namespace espalier::io
