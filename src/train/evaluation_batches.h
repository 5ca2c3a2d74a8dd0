// Held-out batches, shared among the processes of a run.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "espalier/base/interrupt.h"
#include "espalier/data/masked_lm_loader.h"
#include "espalier/processes/processes.h"
#include "train/agreement.h"
#include "train/number_list.h"

namespace espalier::train {

// Batches of a process between two exchanges: statistics of large trees take a quarter of a megabyte a batch.
inline constexpr std::int64_t kRound = 64;

// Shares the first `sequences` sequences of the loader (0: all) out among the processes, in batches of
// `batch_sequences`. `visit` appends what a batch gives, and hears how much is done; `take` reads it back,
// batch by batch in their order, whoever computed them: sums have the same bits for any number of processes.
// A signal ends it between two batches, with Interrupted.
template <class Visit, class Take>
void for_each_batch(const data::MaskedLmLoader& loader, std::int64_t sequences, std::int64_t batch_sequences,
                    const Visit& visit, const Take& take) {
  const std::int64_t available = loader.sequences();
  const std::int64_t count = sequences == 0 ? available : std::min(sequences, available);
  const std::int64_t batches = (count + batch_sequences - 1) / batch_sequences;
  const std::int64_t at_once = kRound * processes::place().count;
  for (std::int64_t begin = 0; begin < batches; begin += at_once) {
    const processes::Range own = processes::own_share(std::min(at_once, batches - begin));
    std::vector<double> numbers;
    for (std::int64_t batch = begin + own.begin; batch < begin + own.end && interrupt_signal() == 0;
         ++batch) {
      const std::int64_t first = batch * batch_sequences;
      visit(loader.batch(first, std::min(batch_sequences, count - first)),
            static_cast<double>(first) / static_cast<double>(count), numbers);
    }
    leave_if_asked();
    for (const auto& all : processes::gather_numbers(std::span<const double>(numbers))) {
      for (NumberReader reader(all); !reader.done();) take(reader);
    }
  }
}

}  // namespace espalier::train
