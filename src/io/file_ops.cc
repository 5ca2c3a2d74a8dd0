#include "io/file_ops.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "espalier/base/error.h"
#include "io/fault.h"

namespace espalier::io {

namespace {

// One system call transfers at most 2 GiB; smaller pieces keep a signal's wait short.
constexpr std::size_t kPiece = std::size_t{64} << 20U;

template <class Call>
int retry(const Call& call) {
  while (call() != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int FileDescriptor::release() {
  const int fd = fd_;
  fd_ = -1;
  return fd;
}

int FileDescriptor::reset() {
  const int fd = release();
  // EINTR from close() on Linux means that the descriptor is gone all the same.
  return fd >= 0 && ::close(fd) != 0 && errno != EINTR ? errno : 0;
}

FileDescriptor open_for_reading(const std::filesystem::path& path, int flags) {
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!file.open())
    throw InputError(fmt::format("{}: cannot be opened: {}", path.string(), std::strerror(errno)));
  struct stat status {};
  if (::fstat(file.get(), &status) == 0 && S_ISDIR(status.st_mode)) {
    throw InputError(fmt::format("{}: is a folder, expected a file", path.string()));
  }
  return file;
}

std::uint64_t file_size(const FileDescriptor& file, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    throw RunError(fmt::format("{}: its size cannot be read: {}", path.string(), std::strerror(errno)));
  }
  return static_cast<std::uint64_t>(status.st_size);
}

[[noreturn]] static void read_failed(const std::filesystem::path& path) {
  throw RunError(fmt::format("{}: reading failed: {}", path.string(), std::strerror(errno)));
}

std::size_t read_some(const FileDescriptor& file, const std::filesystem::path& path, void* data,
                      std::size_t size) {
  while (true) {
    const ssize_t got = ::read(file.get(), data, std::min(size, kPiece));
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) read_failed(path);
  }
}

std::size_t read_at(const FileDescriptor& file, const std::filesystem::path& path, std::uint64_t offset,
                    void* data, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(file.get(), static_cast<char*>(data) + done, std::min(size - done, kPiece),
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) read_failed(path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

void read_exactly_at(const FileDescriptor& file, const std::filesystem::path& path, std::uint64_t offset,
                     void* data, std::size_t size) {
  const std::size_t got = read_at(file, path, offset, data, size);
  if (got == size) return;
  throw InputError(fmt::format("{}: truncated: it ends at byte {}, expected at least {} bytes", path.string(),
                               offset + got, offset + size));
}

std::string write_failure(const std::filesystem::path& path, const char* operation, int error) {
  const char* advice =
      error == ENOSPC || error == EDQUOT ? " (free some space, or write to another disk)" : "";
  return fmt::format("{}: could not be written: {}: {}{}", path.string(), operation, std::strerror(error),
                     advice);
}

void throw_write_failure(const std::filesystem::path& path, const char* operation, int error) {
  const std::string message = write_failure(path, operation, error);
  const bool wrong_path = error == ENOENT || error == ENOTDIR || error == EISDIR || error == ENAMETOOLONG;
  if (wrong_path) throw InputError(message);
  throw RunError(message);
}

namespace file_ops {

int create(const std::filesystem::path& path, FileDescriptor& file) {
  if (const int error = next_fault(false, false).error) return error;
  file = FileDescriptor(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  return file.open() ? 0 : errno;
}

int write_at(int fd, std::uint64_t offset, const void* data, std::size_t size) {
  std::size_t done = 0;
  while (done < size) {
    const FaultDecision fault = next_fault(true, false);
    if (fault.error != 0) return fault.error;
    std::size_t piece = std::min(size - done, kPiece);
    if (fault.halve) piece = std::max<std::size_t>(1, piece / 2);
    const ssize_t put =
        ::pwrite(fd, static_cast<const char*>(data) + done, piece, static_cast<off_t>(offset + done));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return errno;
    if (put == 0) return EIO;
    done += static_cast<std::size_t>(put);
  }
  return 0;
}

int truncate(int fd, std::uint64_t size) {
  if (const int error = next_fault(false, false).error) return error;
  return retry([&] { return ::ftruncate(fd, static_cast<off_t>(size)); });
}

int sync(int fd) {
  if (const int error = next_fault(false, false).error) return error;
  return retry([&] { return ::fsync(fd); });
}

int sync_folder(const std::filesystem::path& folder) {
  if (const int error = next_fault(false, false).error) return error;
  const FileDescriptor file(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.open()) return errno;
  const int error = retry([&] { return ::fsync(file.get()); });
  // Some file systems do not know fsync of a folder; there is nothing more that one could do there.
  return error == EINVAL || error == EROFS ? 0 : error;
}

int rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (const int error = next_fault(false, false).error) return error;
  return ::rename(from.c_str(), to.c_str()) == 0 ? 0 : errno;
}

int link(const std::filesystem::path& existing, const std::filesystem::path& path) {
  if (const int error = next_fault(false, false).error) return error;
  return ::link(existing.c_str(), path.c_str()) == 0 ? 0 : errno;
}

int unlink(const std::filesystem::path& path) {
  if (const int error = next_fault(false, true).error) return error;
  return ::unlink(path.c_str()) == 0 ? 0 : errno;
}

int lock(int fd) {
  if (const int error = lock_fault()) return error;
  return retry([&] { return ::flock(fd, LOCK_EX | LOCK_NB); });
}

}  // namespace file_ops

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

std::filesystem::path temporary_beside(const std::filesystem::path& path) {
  return path.string() + ".tmp-" + std::to_string(::getpid());
}

std::filesystem::path replaceable(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) throw_write_failure(path, "create", EISDIR);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    throw InputError(
        fmt::format("{}: is a device, a pipe or a socket, and what is written here replaces the file of its "
                    "name: give the name of a file",
                    path.string()));
  }
  if (!std::filesystem::is_symlink(std::filesystem::symlink_status(path, error))) return path;
  const std::filesystem::path target = std::filesystem::canonical(path, error);
  return error ? path : target;
}

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)), target_(replaceable(path_)), temporary_(temporary_beside(target_)) {
  check("create", file_ops::create(temporary_, file_));
}

AtomicFile::~AtomicFile() {
  if (!committed_ && file_.open()) file_ops::unlink(temporary_);
}

void AtomicFile::append(const void* data, std::size_t size) {
  write_at(appended_, data, size);
  appended_ += size;
}

void AtomicFile::write_at(std::uint64_t offset, const void* data, std::size_t size) {
  check("write", file_ops::write_at(file_.get(), offset, data, size));
}

void AtomicFile::commit() {
  check("fsync", file_ops::sync(file_.get()));
  check("rename", file_ops::rename(temporary_, target_));
  committed_ = true;
  check("close", file_.reset());
  check("fsync of the folder", file_ops::sync_folder(folder_of(target_)));
}

void AtomicFile::check(const char* operation, int error) const {
  if (error != 0) throw_write_failure(path_, operation, error);
}

}  // namespace espalier::io
