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

// What a person does: one signal that the program sees, then another that ends it.
int run_with_signals(int first, int second) {
  // A shell's background jobs begin like this.
  std::signal(SIGINT, SIG_IGN);
  install_interrupt_handlers();
  kill(getpid(), first);
  for (int i = 0; i < 1000 && interrupt_signal() == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  if (interrupt_signal() != first) return 1;
  kill(getpid(), second);
  std::this_thread::sleep_for(std::chrono::seconds(10));
  return 2;
}

int status_of_child(int first, int second) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(run_with_signals(first, second));
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
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

TEST_CASE("a first signal is seen, a second ends the program with its status") {
  CHECK(status_of_child(SIGINT, SIGINT) == 130);
  CHECK(status_of_child(SIGTERM, SIGTERM) == 143);
  CHECK(status_of_child(SIGINT, SIGTERM) == 143);
}

// A handler's frame on the stack of a thread inside oneDNN, whose stack pointer is in the heap then, destroys
// the heap.
TEST_CASE("no thread that computes is ever interrupted") {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(check_masks());
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

}  // namespace espalier
