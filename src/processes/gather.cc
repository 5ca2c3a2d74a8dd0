#include "processes/gather.h"

#include <algorithm>

namespace espalier::processes {

// Messages of one pair of processes and one tag arrive in the order in which they were sent.
constexpr int kGatherTag = 2;

Gather::Gather(std::span<const std::byte> own, Place place, Way way, std::size_t largest)
    : own_(own), largest_(largest) {
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

void Gather::send_piece(Leg& leg) const {
  const auto piece = own_.subspan(leg.begun, std::min(largest_, own_.size() - leg.begun));
  leg.sending = messages::send(leg.process, kGatherTag, piece.data(), piece.size());
  leg.begun += piece.size();
  leg.last = piece.size() < largest_;
}

// Whether anything happened.
bool Gather::advance(Leg& leg) {
  bool moved = false;
  if (!leg.sent && messages::arrived(leg.sending)) {
    moved = true;
    leg.sent = leg.last;
    if (!leg.sent) send_piece(leg);
  }
  if (leg.received) return moved;
  Bytes& bytes = all_[static_cast<std::size_t>(leg.process)];
  if (!leg.found) {
    leg.found = messages::waits(leg.process, kGatherTag, leg.piece);
    if (!leg.found) return moved;
    const std::size_t before = bytes.size();
    bytes.resize(before + leg.piece);
    leg.receiving = messages::receive(leg.process, kGatherTag, bytes.data() + before, leg.piece);
  }
  if (messages::arrived(leg.receiving)) {
    leg.received = leg.piece < largest_;
    leg.found = leg.received;
  }
  return true;
}

Job::State Gather::advance() {
  if (!begun_) {
    for (Leg& leg : legs_) {
      if (!leg.sent) send_piece(leg);
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
