#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "espalier/base/error.h"
#include "espalier/io/run_files.h"
#include "io/file_ops.h"

namespace espalier::io {

namespace {

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown host";
}

// "4711\nHOST\nDATE\n"
std::string our_note() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char date[32] = {};
  std::strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &local);
  return fmt::format("{}\n{}\n{}\n", getpid(), host_name(), date);
}

struct Note {
  long process = 0;
  std::string host;
  std::string date;
};

std::optional<Note> read_note(int fd) {
  char text[512] = {};
  if (::pread(fd, text, sizeof(text) - 1, 0) <= 0) return std::nullopt;
  Note note;
  const std::string all = text;
  const std::size_t first = all.find('\n');
  const std::size_t second = first == all.npos ? all.npos : all.find('\n', first + 1);
  note.process = std::strtol(all.c_str(), nullptr, 10);
  if (note.process <= 0 || second == all.npos) return std::nullopt;
  note.host = all.substr(first + 1, second - first - 1);
  note.date = all.substr(second + 1, all.find('\n', second + 1) - second - 1);
  return note;
}

// Between our open() and our flock() the holder may have removed the file: then we hold a file without a
// name.
bool still_named(int fd, const std::filesystem::path& path) {
  struct stat ours {};
  struct stat named {};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_dev == named.st_dev &&
         ours.st_ino == named.st_ino;
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::optional<Note>& note) {
  const std::string holder =
      note ? fmt::format("process {} on {} since {}", note->process, note->host, note->date)
           : "another process";
  throw InputError(fmt::format("{}: in use by {}: wait for it, stop it, or choose another folder",
                               folder_of(path).string(), holder));
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& run) : folder_(run), path_(run / "lock") {
  std::error_code error;
  made_folder_ = std::filesystem::create_directories(run, error);
  if (error) {
    throw_write_failure(run, "mkdir", error.value());
  }
  try {
    acquire();
  } catch (...) {
    if (fd_ >= 0) ::close(fd_);
    throw;
  }
}

void RunLock::acquire() {
  while (fd_ < 0) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) throw_write_failure(path_, "open", errno);
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) refuse(path_, read_note(fd_));
      throw_write_failure(path_, "flock", errno);
    }
    if (!still_named(fd_, path_)) {
      ::close(fd_);
      fd_ = -1;
    }
  }
  if (const auto note = read_note(fd_)) stale_ = note->process;
  const std::string note = our_note();
  int error = file_ops::truncate(fd_, 0);
  if (error == 0) error = file_ops::write_at(fd_, 0, note.data(), note.size());
  if (error != 0) throw_write_failure(path_, "write", error);
}

RunLock::~RunLock() {
  // Removed while still locked, so that nobody's new lock is removed.
  file_ops::unlink(path_);
  ::close(fd_);
  // Fails, as it should, unless the folder is empty.
  if (made_folder_) ::rmdir(folder_.c_str());
}

}  // namespace espalier::io
