#include "processes/rounds.h"

#include <cstring>
#include <utility>

#include "espalier/base/error.h"
#include "processes/gather.h"
#include "processes/own_engine.h"

namespace espalier::processes {

// What was made goes to process 0, then everybody's figures to everybody.
class Rounds::Exchange : public Job {
 public:
  Exchange(Bytes made, const Figures& figures, Place place)
      : made_(std::move(made)),
        figures_(figures),
        made_of_all_(made_, place, Gather::Way::kToFirst),
        figures_of_all_(std::as_bytes(std::span(&figures_, 1)), place, Gather::Way::kToAll) {}

  State advance() override {
    if (given_) return figures_of_all_.advance();
    const State state = made_of_all_.advance();
    given_ = state == State::kDone;
    return given_ ? State::kMoved : state;
  }

  std::vector<Bytes> take_made() { return made_of_all_.take(); }
  std::vector<Figures> take_figures() {
    std::vector<Figures> result;
    for (const Bytes& bytes : figures_of_all_.take()) {
      std::memcpy(&result.emplace_back(), bytes.data(), sizeof(Figures));
    }
    return result;
  }

 private:
  Bytes made_;
  Figures figures_;
  Gather made_of_all_, figures_of_all_;
  bool given_ = false;
};

Rounds::Rounds() {
  if (!alone() && place_.number == 0) start({});
}

// After an error messages may still be under way into the exchange's memory, until the processes end.
Rounds::~Rounds() {
  if (exchange_ && own_engine().abandon(*exchange_)) static_cast<void>(exchange_.release());
}

void Rounds::start(Bytes made) {
  exchange_ = std::make_unique<Exchange>(std::move(made), figures_, place_);
  own_engine().start(*exchange_);
}

std::vector<Bytes> Rounds::end() {
  own_engine().wait();
  std::vector<Bytes> made = exchange_->take_made();
  newest_ = exchange_->take_figures();
  exchange_.reset();
  return made;
}

// At process 0 the exchange of a round is under way from the end of the round before, at the others from the
// end of the round until that of the next. All learn the figures of a round's exchange at the same round: the
// others when they end the next, and process 0 has kept them until then.
std::vector<Bytes> Rounds::finish(Bytes made, std::uint64_t own, double seconds, std::uint64_t all,
                                  bool last) {
  if (alone()) return {};
  figures_.own += static_cast<double>(own);
  figures_.seconds += seconds;
  figures_.all += static_cast<double>(all);
  if (place_.number == 0) {
    portions_.agree(newest_);
    std::vector<Bytes> made_of_all = end();
    if (!last) start({});
    return made_of_all;
  }
  if (exchange_) end();
  portions_.agree(newest_);
  start(std::move(made));
  if (last) end();
  return {};
}

}  // namespace espalier::processes
