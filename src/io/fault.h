// Faults on purpose, for tests: the n-th call that changes the disk (file_ops.h) fails, is cut short, or is
// the last one that has any effect. Outside tests no fault is armed and nothing happens here.
//
// Besides tests inside the process, the environment variable ESPALIER_IO_FAULT arms a fault for a whole
// program run, for tests that kill real runs: `eio:N`, `enospc:N`, `short:N` or `kill:N`; `enolck:1` is a
// file system without locks.
#pragma once

#include <cstdint>

namespace espalier::io {

enum class Fault {
  kNone,
  kError,       // call n fails with `error`, once
  kDiskFull,    // call n and all later writes fail with ENOSPC
  kShortWrite,  // call n, if a write, transfers half of its bytes
  kFrozen,   // call n and all later ones fail and change nothing: what a kill leaves behind, to be looked at
  kKill,     // SIGKILL instead of call n
  kNoLocks,  // locks fail with `error`, always: a file system that has none
};

struct FaultPlan {
  Fault fault = Fault::kNone;
  std::uint64_t at = 0;  // which call, counted from 1 when the plan is armed
  int error = 0;         // for kError and kNoLocks
};

// Arms a plan while alive; with the default plan it only counts calls.
class ScopedFault {
 public:
  explicit ScopedFault(FaultPlan plan = {});
  ~ScopedFault();
  ScopedFault(const ScopedFault&) = delete;
  ScopedFault& operator=(const ScopedFault&) = delete;
  // Calls seen since it was armed.
  std::uint64_t calls() const;
};

// What file_ops does with the next call.
struct FaultDecision {
  int error = 0;       // not 0: fail with this and do nothing
  bool halve = false;  // transfer half only
};
FaultDecision next_fault(bool is_write, bool is_cleanup);
// With what a lock fails; 0: it does not. Not counted, for it changes nothing on the disk.
int lock_fault();

}  // namespace espalier::io
