// Masking for masked language modelling, as the crammed BERT recipe has it (Geiping and Goldstein,
// "Cramming", 2022, section 4.3, and its data collator): a fixed number of positions of each sequence, fixed
// shares of <mask>, random and kept tokens, and special tokens treated like any other.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace espalier::data {

struct MaskingOptions {
  double rate = 0.25;  // share of the positions of a sequence that are predicted, in (0, 1]
  std::uint64_t seed = 0;
  std::int32_t mask_id = 0;
  std::int32_t vocabulary_size = 0;  // random tokens are uniform over all of it
};

// round(rate * length), halves to even, and at least one. Throws InputError when rate is not in (0, 1].
std::int64_t masked_count(double rate, std::int64_t length);

// Masks one sequence in place: of the n = masked_count positions, drawn without replacement, the first
// round(0.8 n) drawn become <mask>, those up to round(0.9 n) a random token, the rest stay (26, 3 and 3 of
// 32). Appends the masked positions, ascending, to `positions`, and the tokens that were there to `targets`.
// A pure function of (seed, epoch, sequence): epoch < 2^24, sequence < 2^40.
void mask_sequence(const MaskingOptions& options, std::uint64_t epoch, std::uint64_t sequence,
                   std::span<std::int32_t> ids, std::vector<std::int32_t>& positions,
                   std::vector<std::int32_t>& targets);

}  // namespace espalier::data
