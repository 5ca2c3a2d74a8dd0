// The system calls that read and write our files. Everything that changes the disk goes through here, so that
// tests can make any one of these calls fail, or stop all effects as a kill would (io/fault.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace espalier::io {

// An open file, closed at the end of its life.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() { reset(); }
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  int release();
  // Returns 0 or errno of close().
  int reset();

 private:
  int fd_ = -1;
};

// With these flags of open() besides. Throws InputError naming the path and the system's reason; a folder is
// refused too.
FileDescriptor open_for_reading(const std::filesystem::path& path, int flags = 0);
std::uint64_t file_size(const FileDescriptor& file, const std::filesystem::path& path);
// The next bytes, at most `size`; 0 at the end of the file. RunError if the system fails to read.
std::size_t read_some(const FileDescriptor& file, const std::filesystem::path& path, void* data,
                      std::size_t size);
// Fills `data` from `offset` on, whatever the file's position; returns how many bytes there were.
std::size_t read_at(const FileDescriptor& file, const std::filesystem::path& path, std::uint64_t offset,
                    void* data, std::size_t size);
// As read_at; InputError if the file ends before.
void read_exactly_at(const FileDescriptor& file, const std::filesystem::path& path, std::uint64_t offset,
                     void* data, std::size_t size);

// "PATH: could not be written: write: No space left on device". Adds what to do where that is known.
std::string write_failure(const std::filesystem::path& path, const char* operation, int error);
// Throws that as InputError where the path itself is wrong (no such folder, a file in place of a folder),
// else as RunError.
[[noreturn]] void throw_write_failure(const std::filesystem::path& path, const char* operation, int error);

// Calls that change the disk. They return 0 or errno, never throw, and retry what was interrupted.
namespace file_ops {

int create(const std::filesystem::path& path,
           FileDescriptor& file);  // new or emptied, for reading and writing
int write_at(int fd, std::uint64_t offset, const void* data, std::size_t size);  // all of it
int truncate(int fd, std::uint64_t size);
int sync(int fd);
int sync_folder(const std::filesystem::path& folder);
int rename(const std::filesystem::path& from, const std::filesystem::path& to);
int link(const std::filesystem::path& existing, const std::filesystem::path& path);
int unlink(const std::filesystem::path& path);
int lock(int fd);  // for this process alone, without waiting; EWOULDBLOCK if another has it

}  // namespace file_ops

// The folder a file is in ("." for a bare name).
std::filesystem::path folder_of(const std::filesystem::path& path);
// NAME.tmp-PID, in the same folder.
std::filesystem::path temporary_beside(const std::filesystem::path& path);

// The file that a name leads to, through symbolic links, which stay as they are. Devices, pipes and folders
// cannot be replaced by a file, and least of all by somebody who is allowed to (root): InputError.
std::filesystem::path replaceable(const std::filesystem::path& path);

// A file that appears under its name whole or not at all. Written as temporary_beside(replaceable(path));
// commit() makes it durable and renames it; without commit() the destructor removes it. Throws RunError.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  int fd() const { return file_.get(); }
  const FileDescriptor& file() const { return file_; }
  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& temporary() const { return temporary_; }
  void append(const void* data, std::size_t size);
  void write_at(std::uint64_t offset, const void* data, std::size_t size);
  void commit();

 private:
  void check(const char* operation, int error) const;

  std::filesystem::path path_;
  std::filesystem::path target_;
  std::filesystem::path temporary_;
  FileDescriptor file_;
  std::uint64_t appended_ = 0;
  bool committed_ = false;
};

}  // namespace espalier::io
