// What an encoder reads: B sequences, padded to S tokens each, or packed: their N tokens one after the other.
#pragma once

#include <cstdint>

#include "espalier/tensor/tensor.h"

namespace espalier::nn {

struct Tokens {
  IntTensor ids;         // [B,S], or packed [N]
  Tensor mask = {};      // [B,S], 1 for tokens to see and 0 for padding; undefined: nothing is padding
  IntTensor types = {};  // as ids: rows of the table of token types; undefined: all 0
  // Packed, [B+1]: sequence b holds the tokens first_rows[b] to first_rows[b + 1] - 1, at least one. Nothing
  // is padding then, so there is no mask.
  IntTensor first_rows = {};

  bool packed() const { return first_rows.defined(); }
  std::int64_t sequences() const { return packed() ? first_rows.size() - 1 : ids.shape()[0]; }
};

// Throws InputError if these tensors do not fit together, which what follows takes for granted.
void validate(const Tokens& tokens);
// Tokens of the longest sequence, padding included.
std::int64_t longest_of(const Tokens& tokens);
// Of packed tokens, [N]: the place of each in its sequence, from 0; and the sequence of each.
IntTensor places_of(const Tokens& tokens);
IntTensor sequences_of(const Tokens& tokens);

}  // namespace espalier::nn
