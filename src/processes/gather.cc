#include "processes/gather.h"

namespace espalier::processes {

// Messages of one pair of processes and one tag arrive in the order in which they were sent.
constexpr int kGatherTag = 2;

Gather::Gather(std::span<const std::byte> own, Place place, Way way) : own_(own) {
  const auto receives = [&](int process) { return way == Way::kToAll || process == 0; };
  if (receives(place.number)) {
    all_.resize(static_cast<std::size_t>(place.count));
    all_[static_cast<std::size_t>(place.number)].assign(own.begin(), own.end());
  }
  for (int i = 0; i < place.count; ++i) {
    if (i == place.number || (!receives(i) && !receives(place.number))) continue;
    Leg& leg = legs_.emplace_back();
    leg.process = i;
    leg.sent = !receives(i);
    leg.received = !receives(place.number);
  }
}

// Whether anything happened.
bool Gather::advance(Leg& leg) {
  bool moved = false;
  if (!leg.sent) moved = leg.sent = messages::arrived(leg.sending);
  if (leg.received) return moved;
  Bytes& bytes = all_[static_cast<std::size_t>(leg.process)];
  if (!leg.found) {
    std::size_t size = 0;
    leg.found = messages::waits(leg.process, kGatherTag, size);
    if (!leg.found) return moved;
    bytes.resize(size);
    leg.receiving = messages::receive(leg.process, kGatherTag, bytes.data(), size);
  }
  leg.received = messages::arrived(leg.receiving);
  return true;
}

Job::State Gather::advance() {
  if (!begun_) {
    for (Leg& leg : legs_) {
      if (!leg.sent) leg.sending = messages::send(leg.process, kGatherTag, own_.data(), own_.size());
    }
    begun_ = true;
  }
  bool moved = false, done = true;
  for (Leg& leg : legs_) {
    moved = advance(leg) || moved;
    done = done && leg.sent && leg.received;
  }
  if (done) return State::kDone;
  return moved ? State::kMoved : State::kIdle;
}

}  // namespace espalier::processes
