// The exchange behind GradientExchange: chunks under way, each added by the process that owns it.
#pragma once

#include <atomic>
#include <deque>
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
  // A message of another process, or to it.
  struct Leg {
    int process = 0;
    std::vector<float> memory;
    messages::Request request;
    bool done = false;
  };
  // A chunk under way. Its owner receives from all that have sums, and sends the result to all; the others
  // send what they have, if anything, to the owner, and receive the result.
  struct Flight {
    std::size_t chunk = 0;
    bool owned = false;
    bool added = false;
    std::vector<float> message;  // sent: own sums, or the result
    std::vector<Leg> in, out;    // out: memory unused, all send `message`
  };
  struct Sum {
    Range range;
    std::vector<float> values;
  };

  bool can_start() const;
  void start_flight();
  bool advance(Flight& flight);
  static bool advance(std::vector<Leg>& legs);
  void add(Flight& flight);
  std::vector<Sum> own_sums(const Chunk& chunk) const;
  void keep(const Chunk& chunk, std::span<const float> values);
  Leg receive(int process, int tag, std::size_t floats);

  Place place_;
  std::vector<Chunk> chunks_;
  std::vector<Parameter> parameters_;
  std::vector<std::vector<Range>> sums_;  // of each process, in this update
  std::int64_t groups_ = 1;
  std::deque<Flight> flights_;
  std::size_t next_ = 0;  // chunk to start
};

}  // namespace espalier::processes
