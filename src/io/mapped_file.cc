#include "io/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/tensor/pool.h"

namespace espalier::io {

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  FileDescriptor file = open_for_reading(path, O_NONBLOCK);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw InputError(fmt::format("{}: is a pipe or a device, expected a file", path.string()));
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(std::move(file), path));
}

MappedFile::MappedFile(FileDescriptor file, const std::filesystem::path& path)
    : file_(std::move(file)), path_(path), opened_(version()) {}

MappedFile::~MappedFile() {
  if (!changed()) return;
  log_error(
      fmt::format("{}: was written to while it was in use: what was computed from it may be wrong; run "
                  "again, and replace such a file by renaming another",
                  path_.string()));
}

MappedFile::Version MappedFile::version() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) return {};
  return {status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

std::shared_ptr<std::byte> MappedFile::piece(std::uint64_t offset, std::size_t size) const {
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto before = static_cast<std::size_t>(offset % page);
  const std::size_t whole = before + size;
  // Nothing cannot be mapped.
  void* const pages = size == 0 ? MAP_FAILED
                                : ::mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE,
                                         file_.get(), static_cast<off_t>(offset - before));
  if (pages != MAP_FAILED) {
    const auto unmap = [before, whole, file = shared_from_this()](std::byte* bytes) {
      ::munmap(bytes - before, whole);
    };
    return {static_cast<std::byte*>(pages) + before, unmap};
  }
  const std::shared_ptr<void> copy = pool_allocate(size);
  read_exactly_at(file_, path_, offset, copy.get(), size);
  return {copy, static_cast<std::byte*>(copy.get())};
}

}  // namespace espalier::io
