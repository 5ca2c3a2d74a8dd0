#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <mutex>
#include <sstream>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "espalier/io/run_files.h"
#include "espalier/processes/processes.h"
#include "io/file_ops.h"

namespace espalier::io {

namespace {

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof(name) - 1) == 0 ? name : "unknown host";
}

// What tells a process from others that had its id: its namespace and when it started; empty if not known.
std::string identity_of(long process) {
  const std::string folder = fmt::format("/proc/{}/", process);
  std::error_code error;
  const std::string space = std::filesystem::read_symlink(folder + "ns/pid", error).string();
  std::ifstream file(folder + "stat");
  const std::string stat{std::istreambuf_iterator<char>(file), {}};
  // The name of the program, in brackets, may hold anything; the start is the 20th field behind it.
  std::istringstream fields(stat.substr(std::min(stat.rfind(')'), stat.size())));
  std::string field;
  for (int i = 0; i < 21 && fields >> field; ++i) {
  }
  return error || field.empty() ? "" : space + " " + field;
}

// "4711\nHOST\nDATE\nIDENTITY\n"
std::string our_note() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  char date[32] = {};
  std::strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &local);
  return fmt::format("{}\n{}\n{}\n{}\n", getpid(), host_name(), date, identity_of(getpid()));
}

struct Note {
  long process = 0;
  std::string host, date, identity;
};

std::optional<Note> read_note(int fd) {
  char text[512] = {};
  if (::pread(fd, text, sizeof(text) - 1, 0) <= 0) return std::nullopt;
  std::istringstream lines(text);
  Note note;
  std::string process;
  std::getline(lines, process);
  std::getline(lines, note.host);
  if (!std::getline(lines, note.date)) return std::nullopt;
  std::getline(lines, note.identity);
  note.process = std::strtol(process.c_str(), nullptr, 10);
  return note.process > 0 ? std::optional(note) : std::nullopt;
}

// Whether the process of a note has ended; none where that cannot be seen from here: it was of another
// machine or another namespace.
std::optional<bool> has_ended(const Note& note) {
  const std::string ours = identity_of(getpid());
  const auto space = [](const std::string& identity) { return identity.substr(0, identity.find(' ')); };
  if (note.host != host_name() || ours.empty() || space(note.identity) != space(ours)) return std::nullopt;
  return identity_of(note.process) != note.identity;
}

// Between our open() and our flock() the holder may have removed the file: then we hold a file without a
// name. The same of a folder.
bool still_named(int fd, const std::filesystem::path& path) {
  struct stat ours {};
  struct stat named {};
  return ::fstat(fd, &ours) == 0 && ::stat(path.c_str(), &named) == 0 && ours.st_dev == named.st_dev &&
         ours.st_ino == named.st_ino;
}

std::string holder(const std::optional<Note>& note) {
  return note ? fmt::format("process {} on {} since {}", note->process, note->host, note->date)
              : "another process";
}

[[noreturn]] void refuse(const std::filesystem::path& path, const std::optional<Note>& note) {
  throw InputError(fmt::format("{}: in use by {}: wait for it, stop it, or choose another folder",
                               folder_of(path).string(), holder(note)));
}

bool has_no_locks(int error) {
  return error == ENOLCK || error == ENOSYS || error == EOPNOTSUPP || error == EINVAL;
}

void warn_of_no_locks(const std::filesystem::path& path, int error) {
  static std::once_flag once;
  std::call_once(once, [&] {
    log_warning(fmt::format(
        "{}: the file system has no locks (flock: {}); the file {} alone keeps a second process out, "
        "and stays behind if this one is killed",
        folder_of(path).string(), std::strerror(error), path.string()));
  });
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& run) : folder_(run), path_(run / "lock") {
  if (!processes::writes()) return;
  made_folder_ = make_folders(run);
  try {
    acquire();
    folder_fd_ = ::open(folder_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder_fd_ < 0) throw_write_failure(folder_, "open", errno);
  } catch (...) {
    if (fd_ >= 0) ::close(fd_);
    throw;
  }
}

bool RunLock::has_folder() const {
  return fd_ < 0 || still_named(folder_fd_, folder_);
}

void RunLock::require_folder() const {
  if (has_folder()) return;
  throw RunError(
      fmt::format("{}: is not the folder any more that this run holds: it was moved, removed or replaced; "
                  "nothing is written there",
                  folder_.string()));
}

void RunLock::acquire() {
  bool held = false;
  while (!held) {
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const bool created = fd_ >= 0;
    if (!created && errno == EEXIST) fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd_ < 0) throw_write_failure(path_, "open", errno);
    const int error = file_ops::lock(fd_);
    if (error == EWOULDBLOCK) refuse(path_, read_note(fd_));
    if (error != 0 && !has_no_locks(error)) throw_write_failure(path_, "flock", error);
    held = error == 0 ? still_named(fd_, path_) : take_file_alone(created, error);
    if (held) break;
    ::close(fd_);
    fd_ = -1;
  }
  if (const auto note = read_note(fd_)) stale_ = note->process;
  const std::string note = our_note();
  int error = file_ops::truncate(fd_, 0);
  if (error == 0) error = file_ops::write_at(fd_, 0, note.data(), note.size());
  if (error != 0) throw_write_failure(path_, "write", error);
}

// Without flock: who creates the file holds it. What a process of this machine left that has ended is moved
// out of the way first, by whoever is the quickest. Whether the lock is held now; false: try again.
bool RunLock::take_file_alone(bool created, int error) {
  warn_of_no_locks(path_, error);
  if (created) return true;
  const std::optional<Note> note = read_note(fd_);
  const std::optional<bool> ended = note ? has_ended(*note) : std::nullopt;
  if (ended == false) refuse(path_, note);
  if (!ended) {
    throw InputError(fmt::format(
        "{}: in use by {}: wait for it, stop it, or choose another folder; if it has ended, which "
        "cannot be seen from here since the file system has no locks, delete {}",
        folder_.string(), holder(note), path_.string()));
  }
  stale_ = note->process;
  const std::filesystem::path aside = temporary_beside(path_);
  if (!still_named(fd_, path_) || file_ops::rename(path_, aside) != 0) return false;
  // Somebody else may have been quicker, and held what was moved: it goes back.
  if (!still_named(fd_, aside)) file_ops::link(aside, path_);
  file_ops::unlink(aside);
  return false;
}

RunLock::~RunLock() {
  if (fd_ < 0) return;
  // Removed while still locked, so that nobody's new lock is removed; it may have been deleted by hand.
  if (still_named(fd_, path_)) file_ops::unlink(path_);
  ::close(fd_);
  ::close(folder_fd_);
  // Fails, as it should, unless the folder is empty.
  if (made_folder_) ::rmdir(folder_.c_str());
}

}  // namespace espalier::io
