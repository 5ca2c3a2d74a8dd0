#include "io/staged_folder.h"

#include <fcntl.h>
#include <stdio.h>  // renameat2
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "espalier/base/error.h"
#include "io/fault.h"
#include "io/file_ops.h"

namespace espalier::io {

namespace fs = std::filesystem;

namespace {

// "a/b/" and "a/b/." name the same folder as "a/b", and a temporary beside it must not lie inside. A symbolic
// link to a folder stays: what it names is replaced.
fs::path folder_named(const fs::path& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    const fs::path target = fs::canonical(path, error);
    return error ? path : target;
  }
  const fs::path plain = path.lexically_normal();
  return plain.filename().empty() && plain.has_parent_path() ? plain.parent_path() : plain;
}

constexpr const char* kUnfinished = "unfinished";

bool is_empty_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error) && fs::is_empty(path, error) && !error;
}

// Swaps two folders in one step where the file system can; else moves the old one away first.
int exchange(const fs::path& from, const fs::path& to) {
  if (const FaultDecision fault = next_fault(false, false); fault.error != 0) return fault.error;
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  const fs::path aside = from.string() + ".old";
  if (const int error = file_ops::rename(to, aside)) return error;
  if (const int error = file_ops::rename(from, to)) {
    file_ops::rename(aside, to);
    return error;
  }
  return file_ops::rename(aside, from);
}

}  // namespace

StagedFolder::StagedFolder(const fs::path& target, std::string last)
    : target_(folder_named(target)),
      last_(std::move(last)),
      empty_(is_empty_folder(target_)),
      temporary_(temporary_beside(empty_ ? target_ / kUnfinished : target_)) {
  std::error_code error;
  if (!folder_of(target_).empty()) fs::create_directories(folder_of(target_), error);
  if (!error) fs::create_directory(temporary_, error);
  if (error) check("mkdir", error.value());
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
}

void StagedFolder::check(const char* operation, int error) const {
  if (error != 0) throw_write_failure(target_, operation, error);
}

bool StagedFolder::is_unfinished(const fs::path& entry) {
  return entry.filename().string().starts_with(std::string(kUnfinished) + ".tmp-");
}

void StagedFolder::fill() {
  std::vector<fs::path> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(temporary_))
    names.push_back(entry.path().filename());
  std::stable_partition(names.begin(), names.end(), [&](const fs::path& name) { return name != last_; });
  for (const fs::path& name : names) check("rename", file_ops::rename(temporary_ / name, target_ / name));
  check("fsync", file_ops::sync_folder(target_));
}

void StagedFolder::commit() {
  check("fsync", file_ops::sync_folder(temporary_));
  if (empty_) return fill();
  // After the exchange the temporary name holds what was there before, and the destructor removes it.
  const bool present = fs::exists(target_);
  check("rename", present ? exchange(temporary_, target_) : file_ops::rename(temporary_, target_));
  check("fsync", file_ops::sync_folder(folder_of(target_)));
}

}  // namespace espalier::io
