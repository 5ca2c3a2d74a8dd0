#include "espalier/io/zip.h"

#include <fmt/format.h>
#include <zip.h>

#include <memory>

#include "espalier/base/error.h"
#include "espalier/io/json.h"
#include "espalier/io/text_file.h"

namespace espalier::io {
namespace {

// The first day that the format can say: year - 1980, month and day in 7, 4 and 5 bits.
constexpr zip_uint16_t kFirstDate = (1U << 5U) | 1U;
constexpr zip_uint32_t kPlainFile = 0100644U << 16U;

struct Release {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
  void operator()(zip_t* archive) const { zip_discard(archive); }
};

[[noreturn]] void fail(const std::filesystem::path& path, const char* reason) {
  throw RunError(fmt::format("{}: the archive could not be made: {}", path.string(), reason));
}

void add(zip_t* archive, const std::filesystem::path& path, const ZipEntry& entry) {
  const auto check = [&](bool good) {
    if (!good) fail(path, zip_strerror(archive));
  };
  // The entries outlive the archive: their bytes need no copy.
  zip_source_t* source = zip_source_buffer(archive, entry.text.data(), entry.text.size(), 0);
  check(source != nullptr);
  const zip_int64_t added = zip_file_add(archive, entry.name.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (added < 0) {
    zip_source_free(source);
    check(false);
  }
  const auto index = static_cast<zip_uint64_t>(added);
  check(zip_set_file_compression(archive, index, ZIP_CM_DEFLATE, 9) == 0);
  check(zip_file_set_dostime(archive, index, 0, kFirstDate, 0) == 0);
  check(zip_file_set_external_attributes(archive, index, 0, ZIP_OPSYS_UNIX, kPlainFile) == 0);
}

std::string content(zip_source_t* source, const std::filesystem::path& path) {
  const auto check = [&](bool good) {
    if (!good) fail(path, zip_error_strerror(zip_source_error(source)));
  };
  zip_stat_t status;
  check(zip_source_stat(source, &status) == 0 && (status.valid & ZIP_STAT_SIZE) != 0);
  check(zip_source_open(source) == 0);
  std::string bytes(static_cast<std::size_t>(status.size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const zip_int64_t got = zip_source_read(source, bytes.data() + filled, bytes.size() - filled);
    check(got > 0);
    filled += static_cast<std::size_t>(got);
  }
  zip_source_close(source);
  return bytes;
}

}  // namespace

void write_zip_atomically(const std::filesystem::path& path, std::span<const ZipEntry> entries) {
  // Made in memory: libzip's own way to a file knows nothing of ours.
  const std::unique_ptr<zip_source_t, Release> buffer(zip_source_buffer_create(nullptr, 0, 0, nullptr));
  if (buffer == nullptr) fail(path, "out of memory");
  zip_error_t error;
  zip_error_init(&error);
  std::unique_ptr<zip_t, Release> archive(
      zip_open_from_source(buffer.get(), ZIP_CREATE | ZIP_TRUNCATE, &error));
  if (archive == nullptr) fail(path, zip_error_strerror(&error));
  // The archive gives up its own hold when it is closed or discarded.
  zip_source_keep(buffer.get());
  for (const ZipEntry& entry : entries) add(archive.get(), path, entry);
  if (zip_close(archive.get()) != 0) fail(path, zip_strerror(archive.get()));
  archive.release();
  write_text_atomically(path, content(buffer.get(), path));
}

}  // namespace espalier::io
