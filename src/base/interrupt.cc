#include "espalier/base/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

#include "espalier/base/log.h"

namespace espalier {
namespace {

// One wish to stop often arrives as several signals: `timeout` sends one to the program and one to its group,
// a terminal's Ctrl-C reaches launchers too, which pass it on.
constexpr std::chrono::seconds kSameWish{3};

std::atomic<int> received{0};
std::atomic<bool> save_wished{false};

[[noreturn]] void wait_for_signals(sigset_t signals) {
  using Clock = std::chrono::steady_clock;
  Clock::time_point first;
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal == SIGUSR1) {
      save_wished = true;
      continue;
    }
    if (received == 0) {
      first = Clock::now();
      received = signal;
      log_info("stopping as soon as everything is safe; the same again after 3 seconds stops at once");
    } else if (Clock::now() - first >= kSameWish) {
      _exit(128 + signal);
    }
  }
}

}  // namespace

// No handler: one would run on the stack of whatever thread is interrupted, and oneDNN's products keep the
// stack pointer in a buffer on the heap while they run, so that the frame of a handler overwrites the heap.
// All threads block the signals instead (they inherit the mask), and one thread waits for them.
void install_interrupt_handlers() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
    // A shell starts background jobs with SIGINT ignored; an ignored signal may never reach sigwait().
    const bool ignored = std::signal(signal, SIG_DFL) == SIG_IGN;
    if (signal == SIGHUP && ignored) {
      std::signal(signal, SIG_IGN);  // by nohup: the program outlives its terminal
    } else {
      sigaddset(&signals, signal);
    }
  }
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::thread(wait_for_signals, signals).detach();
}

int interrupt_signal() {
  return received;
}
void set_interrupt_signal(int signal) {
  received = signal;
}

bool take_save_wish() {
  return save_wished.exchange(false);
}

}  // namespace espalier
