// Where the time of a pass goes, by operation.
#pragma once

#include <string>
#include <vector>

namespace espalier {

struct OperationTime {
  std::string name;    // as record() was given it
  double forward = 0;  // seconds
  double backward = 0;
};

// While alive, takes the time of this thread's operations. One's forward time is what passed since the
// record() before it: what lies between two operations counts to the second. One at a time.
class OperationTimes {
 public:
  OperationTimes();
  ~OperationTimes();
  OperationTimes(const OperationTimes&) = delete;
  OperationTimes& operator=(const OperationTimes&) = delete;

  // What lies between here and the last operation counts to none.
  void skip();
  // The longest first.
  std::vector<OperationTime> longest_first() const;

 private:
  friend void note_forward(const char* name);
  friend void note_backward(const char* name, double seconds);
  OperationTime& of(const char* name);
  std::vector<OperationTime> all_;
  double last_ = 0;
};

}  // namespace espalier
