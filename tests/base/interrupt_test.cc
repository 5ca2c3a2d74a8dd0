// ctest-label: threads
#include "espalier/base/interrupt.h"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace espalier {
namespace {

// Waits until the program sees a signal.
bool sees(int signal) {
  for (int i = 0; i < 1000 && interrupt_signal() == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return interrupt_signal() == signal;
}

// One signal that the program sees, then another, `pause` later; its status, or 0 if it is alive after that.
int run_with_signals(int first, int second, std::chrono::milliseconds pause) {
  // A shell's background jobs begin like this.
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGHUP, SIG_DFL);
  install_interrupt_handlers();
  kill(getpid(), first);
  if (!sees(first)) return 1;
  std::this_thread::sleep_for(pause);
  kill(getpid(), second);
  std::this_thread::sleep_for(std::chrono::seconds(1));
  return interrupt_signal() == first ? 0 : 2;
}

pid_t start(int first, int second, int pause_ms) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(run_with_signals(first, second, std::chrono::milliseconds(pause_ms)));
  return child;
}

int status_of(pid_t child) {
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int outlive_the_terminal() {
  std::signal(SIGHUP, SIG_IGN);
  install_interrupt_handlers();
  kill(getpid(), SIGHUP);
  kill(getpid(), SIGTERM);
  return sees(SIGTERM) ? 0 : 1;
}

// The signals that the calling thread blocks.
bool blocks(int signal) {
  sigset_t blocked;
  pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  return sigismember(&blocked, signal) == 1;
}

int check_masks() {
  install_interrupt_handlers();
  bool later = false;
  std::thread([&] { later = blocks(SIGINT) && blocks(SIGTERM); }).join();
  return later && blocks(SIGINT) && blocks(SIGTERM) ? 0 : 1;
}

}  // namespace

TEST_CASE("a first signal is seen, a second after three seconds ends the program with its status") {
  const pid_t interrupts = start(SIGINT, SIGINT, 3100), terminations = start(SIGTERM, SIGTERM, 3100);
  const pid_t both = start(SIGINT, SIGTERM, 3100), hangups = start(SIGHUP, SIGHUP, 3100);
  CHECK(status_of(interrupts) == 130);
  CHECK(status_of(terminations) == 143);
  CHECK(status_of(both) == 143);
  CHECK(status_of(hangups) == 129);
}

TEST_CASE("signals shortly after the first are the same wish to stop") {
  const pid_t at_once = start(SIGINT, SIGTERM, 0), soon = start(SIGINT, SIGINT, 800);
  CHECK(status_of(at_once) == 0);
  CHECK(status_of(soon) == 0);
}

TEST_CASE("what nohup started does not hear that its terminal is closed") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(outlive_the_terminal());
  CHECK(status_of(child) == 0);
}

// A handler's frame on the stack of a thread inside oneDNN, whose stack pointer is in the heap then, destroys
// the heap.
TEST_CASE("no thread that computes is ever interrupted") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(check_masks());
  CHECK(status_of(child) == 0);
}

}  // namespace espalier
