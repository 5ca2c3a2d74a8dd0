#include "io/fault.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <string>

#include "espalier/base/error.h"

namespace espalier::io {

namespace {

struct State {
  std::mutex mutex;
  FaultPlan plan;
  std::uint64_t calls = 0;
};

FaultPlan plan_from_environment() {
  const char* setting = std::getenv("ESPALIER_IO_FAULT");
  if (setting == nullptr || *setting == '\0') return {};
  const std::string text = setting;
  const std::size_t colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  const std::uint64_t at = colon == text.npos ? 0 : std::strtoull(text.c_str() + colon + 1, nullptr, 10);
  if (at > 0 && kind == "eio") return {Fault::kError, at, EIO};
  if (at > 0 && kind == "enospc") return {Fault::kDiskFull, at, ENOSPC};
  if (at > 0 && kind == "short") return {Fault::kShortWrite, at, 0};
  if (at > 0 && kind == "kill") return {Fault::kKill, at, 0};
  if (at > 0 && kind == "enolck") return {Fault::kNoLocks, at, ENOLCK};
  throw InputError(
      "ESPALIER_IO_FAULT: expected eio:N, enospc:N, short:N, kill:N or enolck:N with N >= 1, found \"" +
      text + "\"");
}

State& state() {
  static State* const the_state = [] {
    auto* created = new State;
    created->plan = plan_from_environment();
    return created;
  }();
  return *the_state;
}

}  // namespace

ScopedFault::ScopedFault(FaultPlan plan) {
  const std::scoped_lock lock(state().mutex);
  state().plan = plan;
  state().calls = 0;
}

ScopedFault::~ScopedFault() {
  const std::scoped_lock lock(state().mutex);
  state().plan = {};
}

std::uint64_t ScopedFault::calls() const {
  const std::scoped_lock lock(state().mutex);
  return state().calls;
}

FaultDecision next_fault(bool is_write, bool is_cleanup) {
  State& now = state();
  const std::scoped_lock lock(now.mutex);
  ++now.calls;
  const bool reached = now.plan.fault != Fault::kNone && now.calls >= now.plan.at;
  if (!reached) return {};
  const bool first = now.calls == now.plan.at;
  switch (now.plan.fault) {
    case Fault::kError:
      return {first ? now.plan.error : 0, false};
    case Fault::kDiskFull:
      return {is_cleanup ? 0 : ENOSPC, false};
    case Fault::kShortWrite:
      return {0, first && is_write};
    case Fault::kFrozen:
      return {EIO, false};
    case Fault::kKill:
      std::raise(SIGKILL);
      break;
    case Fault::kNoLocks:
    case Fault::kNone:
      break;
  }
  return {};
}

int lock_fault() {
  State& now = state();
  const std::scoped_lock lock(now.mutex);
  return now.plan.fault == Fault::kNoLocks ? now.plan.error : 0;
}

}  // namespace espalier::io
