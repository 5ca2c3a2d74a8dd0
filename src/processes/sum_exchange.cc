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

std::size_t count_of(const Chunk& chunk) {
  return static_cast<std::size_t>(chunk.count);
}

std::size_t bytes_of(const Chunk& chunk) {
  return count_of(chunk) * sizeof(float);
}

}  // namespace

SumExchange::SumExchange(std::span<const std::int64_t> sizes, Place place)
    : place_(place), chunks_(chunks_of(sizes)), parameters_(sizes.size()), flights_(kUnderWay) {}

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
  if (next_ == chunks_.size() || under_way_ == flights_.size()) return false;
  return std::all_of(chunks_[next_].pieces.begin(), chunks_[next_].pieces.end(), [this](const Piece& piece) {
    return parameters_[piece.parameter].ready.load(std::memory_order_acquire);
  });
}

// Where they lie, if a chunk is of one parameter; else put in a row.
std::vector<SumExchange::Sum> SumExchange::own_sums(Flight& flight) const {
  const Chunk& chunk = chunks_[flight.chunk];
  const std::vector<Range>& ranges = sums_[static_cast<std::size_t>(place_.number)];
  std::vector<Sum> sums;
  flight.own.resize(ranges.size() * count_of(chunk));
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    const float* first = parameters_[chunk.pieces[0].parameter].own[i];
    if (chunk.pieces.size() == 1 && first != nullptr) {
      sums.push_back({ranges[i], first + chunk.pieces[0].begin, nullptr});
      continue;
    }
    float* row = flight.own.data() + i * count_of(chunk);
    sums.push_back({ranges[i], row, row});
    for (const Piece& piece : chunk.pieces) {
      const float* values = parameters_[piece.parameter].own[i];
      if (values == nullptr) {
        row = std::fill_n(row, piece.count, 0.0F);
      } else {
        row = std::copy_n(values + piece.begin, piece.count, row);
      }
    }
  }
  return sums;
}

float* SumExchange::place_of(const Chunk& chunk) const {
  if (chunk.pieces.size() > 1) return nullptr;
  return parameters_[chunk.pieces[0].parameter].sum + chunk.pieces[0].begin;
}

void SumExchange::keep(const Chunk& chunk, const float* values) {
  for (const Piece& piece : chunk.pieces) {
    float* sum = parameters_[piece.parameter].sum + piece.begin;
    if (sum != values) std::copy_n(values, piece.count, sum);
    values += piece.count;
  }
}

// `values` stay as they are until the message has arrived; `packed` is the number of a buffer for them.
void SumExchange::send(Flight& flight, int to, const float* values, std::size_t packed, bool result) {
  const Chunk& chunk = chunks_[flight.chunk];
  std::vector<float>& message = flight.packed[packed];
  const bool short_one = !message.empty();
  flight.legs.push_back({messages::send(to, tag_of(flight.chunk, result), short_one ? message.data() : values,
                                        short_one ? message.size() * sizeof(float) : bytes_of(chunk)),
                         false, 0});
}

void SumExchange::start_owned(Flight& flight) {
  const Chunk& chunk = chunks_[flight.chunk];
  std::size_t others = 0;
  for (int i = 0; i < place_.count; ++i) {
    if (i != place_.number) others += sums_[static_cast<std::size_t>(i)].size();
  }
  flight.in.resize(others * count_of(chunk));
  float* next = flight.in.data();
  for (int i = 0; i < place_.count; ++i) {
    if (i == place_.number) continue;
    for (std::size_t j = 0; j < sums_[static_cast<std::size_t>(i)].size(); ++j) {
      flight.legs.push_back(
          {messages::receive(i, tag_of(flight.chunk, false), next, bytes_of(chunk)), false, 0});
      next += chunk.count;
    }
  }
  flight.stage = Flight::Stage::kAwaiting;
}

void SumExchange::start_sent(Flight& flight) {
  const std::vector<Sum> sums = own_sums(flight);
  flight.packed.resize(std::max(flight.packed.size(), sums.size()));
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (!pack({sums[i].values, count_of(chunks_[flight.chunk])}, flight.packed[i])) flight.packed[i].clear();
    send(flight, owner_of(flight.chunk), sums[i].values, i, false);
  }
  flight.stage = Flight::Stage::kSending;
}

bool SumExchange::start_flight() {
  if (!can_start()) return false;
  const auto free = std::find_if(flights_.begin(), flights_.end(),
                                 [](const Flight& flight) { return flight.stage == Flight::Stage::kFree; });
  free->chunk = next_++;
  free->legs.clear();
  ++under_way_;
  if (owner_of(free->chunk) == place_.number) {
    start_owned(*free);
  } else {
    start_sent(*free);
  }
  return true;
}

bool SumExchange::all_arrived(Flight& flight, bool& moved) {
  bool all = true;
  for (Leg& leg : flight.legs) {
    if (leg.done) continue;
    leg.done = messages::arrived(leg.request, &leg.bytes);
    moved = moved || leg.done;
    all = all && leg.done;
  }
  return all;
}

// What a leg brought, without zeros or as it is.
SumExchange::Sum SumExchange::received_sum(Flight& flight, std::size_t leg, const Range& range) const {
  const std::size_t count = count_of(chunks_[flight.chunk]);
  float* memory = flight.in.data() + leg * count;
  const std::size_t floats = flight.legs[leg].bytes / sizeof(float);
  if (floats < count) {
    const std::vector<float> message(memory, memory + floats);
    unpack(message, {memory, count});
  }
  return {range, memory, memory};
}

// The sums of all processes lie in the order of their groups: adding them is what one process alone would do.
void SumExchange::add(Flight& flight) {
  const ScopedFlushToZero flush;  // as every kernel
  const Chunk& chunk = chunks_[flight.chunk];
  const std::size_t count = count_of(chunk);
  std::vector<Sum> sums;
  std::size_t leg = 0;
  for (int i = 0; i < place_.count; ++i) {
    if (i == place_.number) {
      for (const Sum& sum : own_sums(flight)) sums.push_back(sum);
      continue;
    }
    for (const Range& range : sums_[static_cast<std::size_t>(i)])
      sums.push_back(received_sum(flight, leg++, range));
  }
  // Where one of two may not be written the other may: this process's own are never two of a node.
  add_up(sums, groups_, [count](Sum& left, const Sum& right) {
    float* sum = left.memory != nullptr ? left.memory : right.memory;
    ESPALIER_CHECK(sum != nullptr);
    for (std::size_t i = 0; i < count; ++i) sum[i] = left.values[i] + right.values[i];
    left.values = left.memory = sum;
  });
  ESPALIER_CHECK(sums.size() == 1);
  keep(chunk, sums[0].values);
  if (flight.packed.empty()) flight.packed.resize(1);
  if (!pack({sums[0].values, count}, flight.packed[0])) flight.packed[0].clear();
  flight.legs.clear();
  for (int i = 0; i < place_.count; ++i) {
    if (i != place_.number) send(flight, i, sums[0].values, 0, true);
  }
  flight.stage = Flight::Stage::kSending;
}

void SumExchange::receive_result(Flight& flight) {
  const Chunk& chunk = chunks_[flight.chunk];
  float* memory = place_of(chunk);
  if (memory == nullptr) {
    flight.in.resize(count_of(chunk));
    memory = flight.in.data();
  }
  flight.legs.clear();
  flight.legs.push_back(
      {messages::receive(owner_of(flight.chunk), tag_of(flight.chunk, true), memory, bytes_of(chunk)), false,
       0});
  flight.stage = Flight::Stage::kReceiving;
}

void SumExchange::take_result(Flight& flight) {
  const Chunk& chunk = chunks_[flight.chunk];
  float* memory = place_of(chunk) != nullptr ? place_of(chunk) : flight.in.data();
  const std::size_t floats = flight.legs[0].bytes / sizeof(float);
  if (floats < count_of(chunk)) {
    const std::vector<float> message(memory, memory + floats);
    unpack(message, {memory, count_of(chunk)});
  }
  keep(chunk, memory);
}

// Whether anything happened.
bool SumExchange::advance(Flight& flight) {
  bool moved = false;
  if (flight.stage == Flight::Stage::kFree || !all_arrived(flight, moved)) return moved;
  const bool owned = owner_of(flight.chunk) == place_.number;
  switch (flight.stage) {
    case Flight::Stage::kFree:
      break;
    case Flight::Stage::kAwaiting:
      add(flight);
      return true;
    case Flight::Stage::kSending:
      if (owned) break;
      receive_result(flight);
      return true;
    case Flight::Stage::kReceiving:
      take_result(flight);
      break;
  }
  flight.stage = Flight::Stage::kFree;
  --under_way_;
  return true;
}

Job::State SumExchange::advance() {
  bool moved = false;
  while (start_flight()) moved = true;
  for (Flight& flight : flights_) moved = advance(flight) || moved;
  if (next_ == chunks_.size() && under_way_ == 0) return State::kDone;
  return moved ? State::kMoved : State::kIdle;
}

}  // namespace espalier::processes
