// The exchange behind GradientExchange: chunks under way, each added by the process that owns it.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "espalier/processes/processes.h"
#include "processes/chunks.h"
#include "processes/engine.h"

namespace espalier::processes {

class SumExchange : public Job {
 public:
  SumExchange(std::span<const std::int64_t> sizes, Place place);

  void begin(std::int64_t groups);
  void ready(std::size_t index, std::span<const float* const> own, float* sum);
  State advance() override;

 private:
  // A parameter of this update.
  struct Parameter {
    std::vector<const float*> own;  // one a sum of this process; null: zeros
    float* sum = nullptr;
    std::atomic<bool> ready{false};
  };
  // A message under way.
  struct Leg {
    messages::Request request;
    bool done = false;
    std::size_t bytes = 0;  // of one that was received
  };
  // A sum over some groups, of a chunk; `memory` is where it may be written, null if nowhere.
  struct Sum {
    Range range;
    const float* values = nullptr;
    float* memory = nullptr;
  };
  // A chunk under way. The owner receives the sums of all others, adds them to its own and sends the result
  // to all; the others send what they have, if anything, and then receive the result where theirs was. Memory
  // is kept for the next chunk: 1 MB that is asked from the system and given back each time costs more than
  // to add it.
  struct Flight {
    enum class Stage { kFree, kAwaiting, kSending, kReceiving };
    Stage stage = Stage::kFree;  // owner: awaiting, sending; the others: sending, receiving
    std::size_t chunk = 0;
    std::vector<Leg> legs;
    std::vector<float> own, in;              // pieces of several parameters in a row; what is received
    std::vector<std::vector<float>> packed;  // what is sent without zeros, one a sum
  };

  bool can_start() const;
  bool start_flight();
  void start_owned(Flight& flight);
  void start_sent(Flight& flight);
  bool advance(Flight& flight);
  static bool all_arrived(Flight& flight, bool& moved);
  void add(Flight& flight);
  void receive_result(Flight& flight);
  void take_result(Flight& flight);

  int owner_of(std::size_t chunk) const {
    return static_cast<int>(chunk % static_cast<std::size_t>(place_.count));
  }
  std::vector<Sum> own_sums(Flight& flight) const;
  Sum received_sum(Flight& flight, std::size_t leg, const Range& range) const;
  // Where the result goes, if that is one place.
  float* place_of(const Chunk& chunk) const;
  void keep(const Chunk& chunk, const float* values);
  void send(Flight& flight, int to, const float* values, std::size_t packed, bool result);

  Place place_;
  std::vector<Chunk> chunks_;
  std::vector<Parameter> parameters_;
  std::vector<std::vector<Range>> sums_;  // of each process, in this update
  std::int64_t groups_ = 1;
  std::vector<Flight> flights_;
  std::size_t next_ = 0;       // chunk to start
  std::size_t under_way_ = 0;  // flights that are not free
};

}  // namespace espalier::processes
