#include "processes/sum_exchange.h"

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"

namespace espalier::processes {
namespace {

constexpr std::size_t kUnderWay = 8;

constexpr int kFirstTag = 16;
constexpr std::size_t kTags = 4096;  // MPI promises tags to 32767

// Each chunk has tags of its own: results are sent when they are there, not in the order of chunks.
int tag_of(std::size_t chunk, bool result) {
  return kFirstTag + static_cast<int>(chunk % kTags) * 2 + (result ? 1 : 0);
}

}  // namespace

SumExchange::SumExchange(std::span<const std::int64_t> sizes, Place place)
    : place_(place), chunks_(chunks_of(sizes)), parameters_(sizes.size()) {}

void SumExchange::begin(std::int64_t groups) {
  groups_ = groups;
  next_ = 0;
  sums_.clear();
  for (int i = 0; i < place_.count; ++i) sums_.push_back(sums_of(share_of(groups, i, place_.count), groups));
  for (Parameter& parameter : parameters_) parameter.ready = false;
}

void SumExchange::ready(std::size_t index, std::span<const float* const> own, float* sum) {
  Parameter& parameter = parameters_[index];
  ESPALIER_CHECK(!parameter.ready && own.size() == sums_[static_cast<std::size_t>(place_.number)].size());
  parameter.own.assign(own.begin(), own.end());
  parameter.sum = sum;
  parameter.ready.store(true, std::memory_order_release);
}

bool SumExchange::can_start() const {
  if (next_ == chunks_.size() || flights_.size() == kUnderWay) return false;
  return std::all_of(chunks_[next_].pieces.begin(), chunks_[next_].pieces.end(), [this](const Piece& piece) {
    return parameters_[piece.parameter].ready.load(std::memory_order_acquire);
  });
}

std::vector<SumExchange::Sum> SumExchange::own_sums(const Chunk& chunk) const {
  std::vector<Sum> sums;
  const std::vector<Range>& ranges = sums_[static_cast<std::size_t>(place_.number)];
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    Sum& sum = sums.emplace_back(Sum{ranges[i], {}});
    sum.values.reserve(static_cast<std::size_t>(chunk.count));
    for (const Piece& piece : chunk.pieces) {
      const float* values = parameters_[piece.parameter].own[i];
      if (values == nullptr) {
        sum.values.resize(sum.values.size() + static_cast<std::size_t>(piece.count));
      } else {
        sum.values.insert(sum.values.end(), values + piece.begin, values + piece.begin + piece.count);
      }
    }
  }
  return sums;
}

void SumExchange::keep(const Chunk& chunk, std::span<const float> values) {
  for (const Piece& piece : chunk.pieces) {
    const auto count = static_cast<std::size_t>(piece.count);
    std::copy_n(values.begin(), count, parameters_[piece.parameter].sum + piece.begin);
    values = values.subspan(count);
  }
}

SumExchange::Leg SumExchange::receive(int process, int tag, std::size_t floats) {
  Leg leg{process, std::vector<float>(floats), {}};
  leg.request = messages::receive(process, tag, leg.memory.data(), floats * sizeof(float));
  return leg;
}

void SumExchange::start_flight() {
  Flight& flight = flights_.emplace_back();
  flight.chunk = next_++;
  const Chunk& chunk = chunks_[flight.chunk];
  const int owner = static_cast<int>(flight.chunk % static_cast<std::size_t>(place_.count));
  flight.owned = owner == place_.number;
  const std::size_t longest = longest_message(chunk.count);
  if (flight.owned) {
    for (int i = 0; i < place_.count; ++i) {
      const std::size_t sums = sums_[static_cast<std::size_t>(i)].size();
      if (i != place_.number && sums > 0) {
        flight.in.push_back(receive(i, tag_of(flight.chunk, false), sums * longest));
      }
    }
    return;
  }
  flight.in.push_back(receive(owner, tag_of(flight.chunk, true), longest));
  for (const Sum& sum : own_sums(chunk)) write_values(sum.values, flight.message);
  if (flight.message.empty()) return;
  Leg& leg = flight.out.emplace_back(Leg{owner, {}, {}});
  leg.request = messages::send(owner, tag_of(flight.chunk, false), flight.message.data(),
                               flight.message.size() * sizeof(float));
}

// Whether anything arrived.
bool SumExchange::advance(std::vector<Leg>& legs) {
  bool moved = false;
  for (Leg& leg : legs) {
    if (leg.done) continue;
    leg.done = messages::arrived(leg.request);
    moved = moved || leg.done;
  }
  return moved;
}

// The sums of all processes lie in the order of their groups: adding them is what one process alone would do.
void SumExchange::add(Flight& flight) {
  const ScopedFlushToZero flush;  // as every kernel
  const Chunk& chunk = chunks_[flight.chunk];
  std::vector<Sum> sums;
  auto in = flight.in.begin();
  for (int i = 0; i < place_.count; ++i) {
    const std::vector<Range>& ranges = sums_[static_cast<std::size_t>(i)];
    if (i == place_.number) {
      for (Sum& sum : own_sums(chunk)) sums.push_back(std::move(sum));
    } else if (!ranges.empty()) {
      std::span<const float> message = (in++)->memory;
      for (const Range& range : ranges) {
        Sum& sum = sums.emplace_back(Sum{range, std::vector<float>(static_cast<std::size_t>(chunk.count))});
        message = read_values(message, sum.values);
      }
    }
  }
  add_up(sums, groups_, [](Sum& left, const Sum& right) {
    for (std::size_t i = 0; i < left.values.size(); ++i) left.values[i] += right.values[i];
  });
  ESPALIER_CHECK(sums.size() == 1);
  keep(chunk, sums[0].values);
  write_values(sums[0].values, flight.message);
  for (int i = 0; i < place_.count; ++i) {
    if (i == place_.number) continue;
    Leg& leg = flight.out.emplace_back(Leg{i, {}, {}});
    leg.request = messages::send(i, tag_of(flight.chunk, true), flight.message.data(),
                                 flight.message.size() * sizeof(float));
  }
  flight.in.clear();
}

bool SumExchange::advance(Flight& flight) {
  bool moved = advance(flight.in);
  moved = advance(flight.out) || moved;
  if (flight.added ||
      !std::all_of(flight.in.begin(), flight.in.end(), [](const Leg& leg) { return leg.done; }))
    return moved;
  flight.added = true;
  if (flight.owned) {
    add(flight);
  } else {
    const Chunk& chunk = chunks_[flight.chunk];
    std::vector<float> values(static_cast<std::size_t>(chunk.count));
    read_values(flight.in[0].memory, values);
    keep(chunk, values);
  }
  return true;
}

Job::State SumExchange::advance() {
  bool moved = false;
  while (can_start()) {
    start_flight();
    moved = true;
  }
  for (Flight& flight : flights_) moved = advance(flight) || moved;
  const auto landed = std::remove_if(flights_.begin(), flights_.end(), [](const Flight& flight) {
    return flight.added &&
           std::all_of(flight.out.begin(), flight.out.end(), [](const Leg& leg) { return leg.done; });
  });
  flights_.erase(landed, flights_.end());
  if (next_ == chunks_.size() && flights_.empty()) return State::kDone;
  return moved ? State::kMoved : State::kIdle;
}

}  // namespace espalier::processes
