// The files of a run directory: who may write there, which checkpoints stay, and what a killed run left
// behind.
//
//     RUN/lock                    while a program works in RUN
//     RUN/checkpoints/step-N.h5
//     RUN/last.h5, RUN/best.h5    hard links into checkpoints/
//     RUN/tensorboard/events.out.tfevents.BEGIN.espalier.N
//
// Of several processes of one run (processes/processes.h) process 0 alone does any of this; what changes the
// disk does nothing in the others.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace espalier::io {

// Holds RUN/lock while alive: a file with our process id under flock, so that a crash frees it by itself. On
// a file system without flock (Lustre and NFS may be mounted so) the file alone is the lock, with a warning:
// what a crash leaves is taken over on the same machine, and has to be deleted by hand from another.
class RunLock {
 public:
  // Creates the directory if need be. InputError "RUN: in use by process 4711 on HOST since DATE ..." if
  // another process holds the lock. RunError if the lock can't be written.
  explicit RunLock(const std::filesystem::path& run);
  // Removes the lock file, and the directory if it was made here and nothing came into it.
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

  // The process that held the lock before and ended without releasing it (a kill, a crash), if there was one.
  std::optional<long> stale_process() const { return stale_; }
  const std::filesystem::path& folder() const { return folder_; }
  // Whether the path still names the folder that was locked: not one that is there since it was moved or
  // removed.
  bool has_folder() const;
  // RunError if not.
  void require_folder() const;

 private:
  void acquire();
  bool take_file_alone(bool created, int error);

  std::filesystem::path folder_;
  std::filesystem::path path_;
  int fd_ = -1;
  int folder_fd_ = -1;
  bool made_folder_ = false;
  std::optional<long> stale_;
};

// Makes the folder, and those above it, where they are missing; whether it made any. InputError or RunError
// naming it.
bool make_folders(const std::filesystem::path& folder);

// RUN/checkpoints/step-N.h5, N without leading zeros.
std::filesystem::path step_path(const std::filesystem::path& run, std::int64_t step);

struct StepFile {
  std::int64_t step = 0;
  std::filesystem::path path;
};
// Those in RUN/checkpoints, ascending by step.
std::vector<StepFile> step_files(const std::filesystem::path& run);

// What TensorBoard shows of the run: BEGIN is the second since 1970 at which it began, N counts its sittings.
struct EventFile {
  std::int64_t begin = 0;
  std::int64_t sitting = 0;
  std::filesystem::path path;
};
std::filesystem::path event_path(const std::filesystem::path& run, std::int64_t begin, std::int64_t sitting);
// Those in RUN/tensorboard, in the order of their names.
std::vector<EventFile> event_files(const std::filesystem::path& run);

// Makes `link` another name of the file `target`, replacing what was there in one step: at every moment
// `link` names the old file or the new one. Where the file system has no hard links it is a copy. Throws
// RunError.
void link_atomically(const std::filesystem::path& target, const std::filesystem::path& link);

// Removes the oldest step files beyond the newest `keep` (>= 1), but never one that last.h5 or best.h5 also
// names. Returns what was removed; a file that can't be removed is skipped with a warning.
std::vector<std::filesystem::path> prune_step_files(const std::filesystem::path& run, int keep);

// Removes what killed processes left of unfinished writes (NAME.tmp-PID) in the folder that `lock` holds and
// in its checkpoints/. Call it before writing there: the lock says that nobody else does, whatever the
// process ids. Returns what was removed.
std::vector<std::filesystem::path> remove_stale_temporaries(const RunLock& lock);

// Bytes that this process may still write where `folder` is (or is to be).
std::uint64_t free_bytes(const std::filesystem::path& folder);

// Throws RunError "RUN: 1.20 GB are free, but WHAT may take 3.40 GB ..." if there is less than `bytes`.
void check_free_space(const std::filesystem::path& folder, std::uint64_t bytes, const std::string& what,
                      const std::string& way_out = "");

}  // namespace espalier::io
