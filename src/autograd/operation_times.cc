#include "espalier/autograd/operation_times.h"

#include <algorithm>
#include <chrono>

#include "autograd/graph.h"
#include "espalier/base/error.h"

namespace espalier {
namespace {

thread_local OperationTimes* active = nullptr;

}  // namespace

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

OperationTimes::OperationTimes() : last_(seconds_now()) {
  ESPALIER_CHECK(active == nullptr);
  active = this;
}

OperationTimes::~OperationTimes() {
  active = nullptr;
}

void OperationTimes::skip() {
  last_ = seconds_now();
}

std::vector<OperationTime> OperationTimes::longest_first() const {
  std::vector<OperationTime> sorted = all_;
  std::sort(sorted.begin(), sorted.end(), [](const OperationTime& a, const OperationTime& b) {
    return a.forward + a.backward > b.forward + b.backward;
  });
  return sorted;
}

OperationTime& OperationTimes::of(const char* name) {
  for (OperationTime& time : all_) {
    if (time.name == name) return time;
  }
  all_.push_back({name});
  return all_.back();
}

bool operations_are_timed() {
  return active != nullptr;
}

void note_forward(const char* name) {
  const double now = seconds_now();
  active->of(name).forward += now - active->last_;
  active->last_ = now;
}

void note_backward(const char* name, double seconds) {
  active->of(name).backward += seconds;
  active->last_ = seconds_now();
}

}  // namespace espalier
