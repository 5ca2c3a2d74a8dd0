#include "espalier/processes/gradient_exchange.h"

#include <utility>

#include "processes/own_engine.h"
#include "processes/sum_exchange.h"

namespace espalier::processes {

GradientExchange::GradientExchange(std::vector<std::int64_t> sizes)
    : exchange_(std::make_unique<SumExchange>(sizes, place())) {}

// After an error messages may still be under way, until the processes end: what they read and write stays.
GradientExchange::~GradientExchange() {
  if (!own_engine().abandon(*exchange_)) return;
  static_cast<void>(exchange_.release());
  static_cast<void>(new std::vector<std::shared_ptr<const void>>(std::move(memory_)));
}

void GradientExchange::begin(std::int64_t groups) {
  exchange_->begin(groups);
  own_engine().start(*exchange_);
}

void GradientExchange::ready(std::size_t index, std::span<const float* const> own, float* sum,
                             std::shared_ptr<const void> memory) {
  memory_.push_back(std::move(memory));
  exchange_->ready(index, own, sum);
}

void GradientExchange::wait() {
  own_engine().wait();
  memory_.clear();
}

}  // namespace espalier::processes
