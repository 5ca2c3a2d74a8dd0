#include "processes/engine.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cstdio>

#include "espalier/base/error.h"
#include "espalier/base/log.h"
#include "processes/launcher.h"

namespace espalier::processes {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Of signs of life. Others are messages of jobs.
constexpr int kLifeTag = 1;

constexpr seconds kMeeting{60};            // from the first process to the last
constexpr milliseconds kBetweenLooks{10};  // for signs of life
constexpr seconds kBetweenSigns{1};
constexpr seconds kSilence{20};  // that a process may keep; a host cut off from the network keeps it
constexpr seconds kAborting{5};  // MPI may itself wait for a host that is cut off

[[noreturn]] void end_now(int status) {
  std::fflush(nullptr);
  _exit(status);
}

// Ends this process at last, whatever MPI does.
void end_soon(int status) {
  std::thread([status] {
    std::this_thread::sleep_for(kAborting);
    _exit(status);
  }).detach();
}

}  // namespace

Engine::Engine() : thread_([this] { serve(); }) {
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, kMeeting, [this] { return met_; })) return;
  log_error(fmt::format(
      "the processes started with this one have not come within {} s; see whether all hosts can be "
      "reached and run the same program",
      kMeeting.count()));
  end_now(1);
}

Engine::~Engine() {
  {
    const std::lock_guard lock(mutex_);
    parting_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Engine::start(Job& job) {
  {
    const std::lock_guard lock(mutex_);
    ESPALIER_CHECK(job_ == nullptr);
    job_ = &job;
    awaited_ = false;
  }
  changed_.notify_all();
}

void Engine::wait() {
  std::unique_lock lock(mutex_);
  awaited_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return job_ == nullptr; });
}

void Engine::fail(int status) {
  {
    const std::lock_guard lock(mutex_);
    failed_ = status;
  }
  changed_.notify_all();
  std::fflush(nullptr);
  std::this_thread::sleep_for(2 * kAborting);
  end_now(status);
}

void Engine::meet() {
  messages::initialise();
  const std::lock_guard lock(mutex_);
  number_ = messages::number();
  count_ = messages::count();
  peers_.resize(static_cast<std::size_t>(count_));
  looked_ = Clock::now();
  for (int i = 0; i < count_; ++i) {
    Peer& peer = peers_[static_cast<std::size_t>(i)];
    peer.heard = looked_;
    if (i != number_) peer.receiving = messages::receive(i, kLifeTag, &peer.from, 1);
  }
  met_ = true;
}

// To all that have received the sign before.
void Engine::say_alive() {
  for (int i = 0; i < count_; ++i) {
    Peer& peer = peers_[static_cast<std::size_t>(i)];
    if (i == number_ || (peer.sends && !messages::arrived(peer.sending))) continue;
    peer.sending = messages::send(i, kLifeTag, &alive_, 1);
    peer.sends = true;
  }
}

void Engine::hear(int number) {
  Peer& peer = peers_[static_cast<std::size_t>(number)];
  while (!peer.left && messages::arrived(peer.receiving)) {
    peer.heard = Clock::now();
    peer.left = peer.from == leaving_;
    if (!peer.left) peer.receiving = messages::receive(number, kLifeTag, &peer.from, 1);
  }
}

void Engine::exchange_signs_of_life() {
  const Clock::time_point now = Clock::now();
  if (now - looked_ < kBetweenLooks) return;
  if (now - said_ >= kBetweenSigns) {
    say_alive();
    said_ = now;
  }
  for (int i = 0; i < count_; ++i) {
    if (i != number_) hear(i);
  }
  require_alive(now);
}

// A process that was itself stopped for a while (a machine that sleeps) does not blame the others.
void Engine::require_alive(Clock::time_point now) {
  const bool was_stopped = now - looked_ > kSilence / 2;
  looked_ = now;
  for (int i = 0; i < count_; ++i) {
    Peer& peer = peers_[static_cast<std::size_t>(i)];
    if (was_stopped) peer.heard = now;
    const bool needed = job_ != nullptr || !peer.left;
    if (i == number_ || !needed || now - peer.heard < kSilence) continue;
    write_to_stderr(fmt::format(
        "espalier: process {}: nothing was heard of process {} for {} s: {}; all processes end. The same "
        "command "
        "goes on from the last checkpoint where there is one, or begins again.\n",
        number_, i, kSilence.count(),
        peer.left ? "it has ended its work, which was another" : "its host is cut off or it hangs"));
    kill_launcher_in(static_cast<unsigned>(kAborting.count()));
    end_soon(1);
    messages::abort(1);
    end_now(1);
  }
}

bool Engine::all_left() const {
  for (int i = 0; i < count_; ++i) {
    if (i != number_ && !peers_[static_cast<std::size_t>(i)].left) return false;
  }
  return true;
}

// Nobody leaves before all have said that they do: an early one would look like one that is lost.
void Engine::part() {
  std::vector<bool> told(peers_.size());
  bool all_told = false;
  while (!all_told || !all_left()) {
    all_told = true;
    for (int i = 0; i < count_; ++i) {
      Peer& peer = peers_[static_cast<std::size_t>(i)];
      if (i == number_) continue;
      hear(i);
      const bool free = !peer.sends || messages::arrived(peer.sending);
      peer.sends = !free;
      if (free && !told[static_cast<std::size_t>(i)]) {
        peer.sending = messages::send(i, kLifeTag, &leaving_, 1);
        peer.sends = true;
        told[static_cast<std::size_t>(i)] = true;
      }
      all_told = all_told && told[static_cast<std::size_t>(i)] && !peer.sends;
    }
    require_alive(Clock::now());
    std::this_thread::sleep_for(milliseconds(1));
  }
  messages::finalise();
}

bool Engine::abandon(Job& job) {
  const std::lock_guard advancing(advancing_);
  const std::lock_guard lock(mutex_);
  if (job_ != &job) return false;
  job_ = nullptr;
  return true;
}

Job::State Engine::advance_job() {
  const std::lock_guard advancing(advancing_);
  if (job_ == nullptr) return Job::State::kIdle;
  const Job::State state = job_.load()->advance();
  if (state != Job::State::kDone) return state;
  {
    const std::lock_guard lock(mutex_);
    job_ = nullptr;
  }
  changed_.notify_all();
  return Job::State::kMoved;
}

// Between two looks at a job where nothing moved: how long to sleep. While others compute, each look takes
// time from them: a look every fifth of a millisecond made updates 10 % slower, and 8 MB under way need no
// more than one a millisecond. Only where somebody waits, and something has just happened, is it worth a core
// not to sleep at all.
std::chrono::microseconds Engine::pause(bool awaited) {
  constexpr int kLooks = 200;
  ++idle_looks_;
  if (!awaited) return std::chrono::microseconds(1000);
  return std::chrono::microseconds(idle_looks_ > kLooks ? 200 : 0);
}

void Engine::rest(Job::State state) {
  std::unique_lock lock(mutex_);
  if (state == Job::State::kMoved) {
    idle_looks_ = 0;
    return;
  }
  if (job_ == nullptr) {
    changed_.wait_for(lock, milliseconds(50), [this] { return job_ != nullptr || parting_ || failed_ != 0; });
    return;
  }
  const bool awaited = awaited_;
  lock.unlock();
  if (const auto time = pause(awaited); time.count() > 0) {
    std::this_thread::sleep_for(time);
  } else {
    sched_yield();
  }
}

void Engine::serve() {
  meet();
  changed_.notify_all();
  for (;;) {
    exchange_signs_of_life();
    rest(advance_job());
    std::unique_lock lock(mutex_);
    if (failed_ != 0) {
      const int status = failed_;
      lock.unlock();
      end_soon(status);
      messages::abort(status);
      end_now(status);
    }
    if (parting_) break;
  }
  part();
}

}  // namespace espalier::processes
