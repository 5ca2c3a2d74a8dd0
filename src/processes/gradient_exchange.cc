#include "espalier/processes/gradient_exchange.h"

#include "processes/own_engine.h"
#include "processes/sum_exchange.h"

namespace espalier::processes {

GradientExchange::GradientExchange(std::vector<std::int64_t> sizes)
    : exchange_(std::make_unique<SumExchange>(sizes, place())) {}

// After an error messages may still be under way into the exchange's memory, until the processes end.
GradientExchange::~GradientExchange() {
  if (own_engine().abandon(*exchange_)) static_cast<void>(exchange_.release());
}

void GradientExchange::begin(std::int64_t groups) {
  exchange_->begin(groups);
  own_engine().start(*exchange_);
}

void GradientExchange::ready(std::size_t index, std::span<const float* const> own, float* sum) {
  exchange_->ready(index, own, sum);
}

void GradientExchange::wait() {
  own_engine().wait();
}

}  // namespace espalier::processes
