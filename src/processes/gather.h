// Everybody, or process 0 alone, gets what everybody gives.
#pragma once

#include "espalier/processes/processes.h"
#include "processes/engine.h"

namespace espalier::processes {

class Gather : public Job {
 public:
  enum class Way { kToAll, kToFirst };
  // `own` must stay until the job is done.
  Gather(std::span<const std::byte> own, Place place, Way way);
  State advance() override;
  std::vector<Bytes> take() { return std::move(all_); }

 private:
  // A message from or to another process.
  struct Leg {
    int process = 0;
    messages::Request sending, receiving;
    bool sent = false, found = false, received = false;
  };
  bool advance(Leg& leg);

  std::span<const std::byte> own_;
  std::vector<Bytes> all_;
  std::vector<Leg> legs_;
  bool begun_ = false;
};

}  // namespace espalier::processes
