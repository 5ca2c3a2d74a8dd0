// Typed errors. User mistakes throw one of these, which the command line prints in one or two lines;
// broken invariants of our own abort through ESPALIER_CHECK.
#pragma once

#include <stdexcept>
#include <string>

namespace espalier {

// Base of every error a caller may want to show to a person. `exit_status()` is what the program returns.
class Error : public std::runtime_error {
 public:
  Error(const std::string& message, int exit_status)
      : std::runtime_error(message), exit_status_(exit_status) {}
  int exit_status() const { return exit_status_; }

 private:
  int exit_status_;
};

// Bad usage or input: a wrong key, path, shape, file content. Exit status 2.
class InputError : public Error {
 public:
  explicit InputError(const std::string& message) : Error(message, 2) {}
};

// A failure while running: a full disk, a read error, a non-finite loss. Exit status 1.
class RunError : public Error {
 public:
  explicit RunError(const std::string& message) : Error(message, 1) {}
};

// Stopped by a signal after saving. Exit status 128 + signal (130 for Ctrl-C, 143 for SIGTERM).
class Interrupted : public Error {
 public:
  Interrupted(const std::string& message, int signal) : Error(message, 128 + signal) {}
  int signal() const { return exit_status() - 128; }
};

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace espalier

// Aborts with the place where an invariant of ours is broken. Never for user input.
#define ESPALIER_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::espalier::check_failed(#condition, __FILE__, __LINE__))
