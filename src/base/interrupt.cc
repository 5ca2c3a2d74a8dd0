#include "espalier/base/interrupt.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "espalier/base/log.h"

namespace espalier {
namespace {

std::atomic<int> received{0};

[[noreturn]] void wait_for_signals(sigset_t signals) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (received != 0) _exit(128 + signal);
    received = signal;
    log_info("stopping as soon as everything is safe; the same again stops at once");
  }
}

}  // namespace

// No handler: one would run on the stack of whatever thread is interrupted, and oneDNN's products keep the
// stack pointer in a buffer on the heap while they run, so that the frame of a handler overwrites the heap.
// All threads block the signals instead (they inherit the mask), and one thread waits for them.
void install_interrupt_handlers() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM}) {
    // A shell starts background jobs with SIGINT ignored; an ignored signal may never reach sigwait().
    std::signal(signal, SIG_DFL);
    sigaddset(&signals, signal);
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

}  // namespace espalier
