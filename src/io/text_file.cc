#include "espalier/io/text_file.h"

#include "espalier/processes/processes.h"
#include "io/file_kind.h"
#include "io/file_ops.h"

namespace espalier::io {

std::string read_text_file(const std::filesystem::path& path) {
  const FileDescriptor file = open_for_reading(path);
  std::string text(static_cast<std::size_t>(file_size(file, path)) + 1, '\0');
  std::size_t filled = 0;
  // Files under /proc say size 0, pipes have none, and a file may grow while it is read.
  while (const std::size_t got = read_some(file, path, text.data() + filled, text.size() - filled)) {
    filled += got;
    if (filled == text.size()) text.resize(text.size() + text.size() / 2 + 65536);
  }
  text.resize(filled);
  require_text(text, path);
  return text;
}

void write_text_atomically(const std::filesystem::path& path, std::string_view text) {
  if (!processes::writes()) return;
  AtomicFile file(path);
  file.append(text.data(), text.size());
  file.commit();
}

}  // namespace espalier::io
