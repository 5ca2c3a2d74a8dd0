// The thread that speaks to the other processes: all of MPI is called by it, so that messages go on while the
// rest of the program computes, and so that a process which is lost, or cut off, is noticed.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "processes/messages.h"

namespace espalier::processes {

// An exchange with other processes. Its calls come from the engine's thread.
class Job {
 public:
  enum class State {
    kIdle,   // nothing to do until somebody else does something
    kMoved,  // something was done
    kDone,
  };
  virtual ~Job() = default;
  // Does what can be done without waiting.
  virtual State advance() = 0;
};

class Engine {
 public:
  // Meets the other processes; ends this one if they do not come within a minute.
  Engine();
  // Parts from them, once all are here.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  int number() const { return number_; }
  int count() const { return count_; }

  // One job at a time. wait() returns when it is done.
  void start(Job& job);
  void wait();
  // Stops calling the job; whether it was still to be done.
  bool abandon(Job& job);
  // Ends all processes.
  [[noreturn]] void fail(int status);

 private:
  using Clock = std::chrono::steady_clock;
  // Another process.
  struct Peer {
    Clock::time_point heard;
    messages::Request receiving;
    messages::Request sending;
    bool sends = false;  // a sign of life is under way
    bool left = false;   // it said that it parts
    char from = 0;       // the sign that is received
  };

  void serve();
  void meet();
  void part();
  void exchange_signs_of_life();
  void say_alive();
  void hear(int number);
  void require_alive(Clock::time_point now);
  bool all_left() const;
  Job::State advance_job();
  void rest(Job::State state);
  std::chrono::microseconds pause(bool awaited);

  std::mutex mutex_;
  std::mutex advancing_;  // held while the job is called
  std::condition_variable changed_;
  std::atomic<Job*> job_{nullptr};
  bool awaited_ = false;  // somebody waits for the job: no rest between its steps
  bool met_ = false;
  bool parting_ = false;
  int failed_ = 0;  // status to end with
  int number_ = 0;
  int count_ = 1;
  std::vector<Peer> peers_;  // one entry a process, its own unused
  char alive_ = 0;           // what is sent
  char leaving_ = 1;
  Clock::time_point said_;
  Clock::time_point looked_;  // when this thread last ran: it may have been stopped itself
  int idle_looks_ = 0;        // in a row
  std::thread thread_;
};

}  // namespace espalier::processes
