// What an encoder reads: B sequences of S tokens.
#pragma once

#include "espalier/tensor/tensor.h"

namespace espalier::nn {

struct Tokens {
  IntTensor ids;         // [B,S]
  Tensor mask = {};      // [B,S], 1 for tokens to see and 0 for padding; undefined: nothing is padding
  IntTensor types = {};  // [B,S], rows of the table of token types; undefined: all 0
};

}  // namespace espalier::nn
