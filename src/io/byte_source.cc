#include "io/byte_source.h"

#include <fmt/format.h>

#include "espalier/base/error.h"
#include "io/packed_sources.h"

namespace espalier::io {

bool is_standard_input(const std::filesystem::path& path) {
  return path == "-";
}

std::filesystem::path shown_path(const std::filesystem::path& path) {
  return is_standard_input(path) ? std::filesystem::path("standard input") : path;
}

std::unique_ptr<ByteSource> open_byte_source(const std::filesystem::path& path) {
  auto plain = std::make_unique<PlainSource>(path);
  if (starts_gzip(*plain)) return gzip_source(std::move(plain));
  if (starts_zstd(*plain)) return zstd_source(std::move(plain));
  const std::string extension = path.extension().string();
  if ((extension == ".gz" || extension == ".zst") && plain->see(1)) {
    throw InputError(fmt::format("{}: damaged: a {} file that does not begin as {} does", path.string(),
                                 extension, extension == ".gz" ? "gzip" : "zstd"));
  }
  return plain;
}

}  // namespace espalier::io
