// Everybody, or process 0 alone, gets what everybody gives.
#pragma once

#include "espalier/processes/processes.h"
#include "processes/engine.h"

namespace espalier::processes {

// MPI counts in int: what is larger goes in pieces.
inline constexpr std::size_t kLargestMessage = std::size_t{1} << 30;

class Gather : public Job {
 public:
  enum class Way { kToAll, kToFirst };
  // `own` must stay until the job is done. A message of `largest` bytes, the same everywhere, is followed by
  // another.
  Gather(std::span<const std::byte> own, Place place, Way way, std::size_t largest = kLargestMessage);
  State advance() override;
  std::vector<Bytes> take() { return std::move(all_); }

 private:
  // What goes to another process and comes from it.
  struct Leg {
    int process = 0;
    messages::Request sending, receiving;
    std::size_t begun = 0;  // bytes that are sent or on their way
    std::size_t piece = 0;  // bytes of what is received
    bool last = false;      // nothing follows what is on its way
    bool sent = false, found = false, received = false;
  };
  void send_piece(Leg& leg) const;
  bool advance(Leg& leg);

  std::span<const std::byte> own_;
  std::size_t largest_;
  std::vector<Bytes> all_;
  std::vector<Leg> legs_;
  bool begun_ = false;
};

}  // namespace espalier::processes
