// Work in rounds: of each round every process does its portion, and process 0 joins what all have made, in
// order. What is made travels while all go on with the next round, so that no process waits for another that
// needs a little longer for one round and a little less for the next.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "espalier/processes/processes.h"
#include "processes/portions.h"

namespace espalier::processes {

class Rounds {
 public:
  Rounds();
  ~Rounds();
  Rounds(const Rounds&) = delete;
  Rounds& operator=(const Rounds&) = delete;

  // The process whose portion of a round of `total` units the unit at `position` falls to.
  int owner(std::uint64_t position, std::uint64_t total) const { return portions_.owner(position, total); }

  // Ends a round of `all` units, of which this process made `own` in so many seconds: gives that, and returns
  // what the others gave of the same round, in the order of their numbers; elsewhere than at process 0
  // nothing. Collective, as is which round is the last.
  std::vector<Bytes> finish(Bytes made, std::uint64_t own, double seconds, std::uint64_t all, bool last);
  // How long process 0 needed to join what finish() returned.
  void joined(double seconds) { figures_.joining_seconds += seconds; }

 private:
  class Exchange;
  void start(Bytes made);
  std::vector<Bytes> end();

  Place place_ = place();
  Portions portions_{place_.count};
  Figures figures_;  // of this process, so far
  std::unique_ptr<Exchange> exchange_;
  std::vector<Figures> newest_;  // of all, at process 0 a round younger than what the portions are by
};

}  // namespace espalier::processes
