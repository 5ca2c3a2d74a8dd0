// Checks of what a caller hands to an operation. Each throws an InputError that reads
// "op: argument must be EXPECTED (why), got FOUND"; the text is only built when the check fails.
#pragma once

#include <string>

#include "espalier/autograd/variable.h"

namespace espalier::ops {

// InputError "op: message".
[[noreturn]] void fail(const char* op, const std::string& message);

void require_defined(const char* op, const char* argument, const Variable& variable);

// "layer_norm: weight must be [512] (last axis of x [32,128,512]), got [768]", where `why` is
// "last axis of x" and `of` the shape that decides.
void require_shape(const char* op, const char* argument, const Shape& actual, const Shape& expected,
                   const char* why, const Shape& of);
// The same where the reason is no other shape: "... must be [1] (a learned scalar), got [4]".
void require_shape(const char* op, const char* argument, const Shape& actual, const Shape& expected,
                   const char* why);

// "matmul: a must have 2 axes, got [3]"
void require_rank(const char* op, const char* argument, const Shape& actual, int rank);
// "softmax: x must have at least 1 axis, got []"
void require_least_rank(const char* op, const char* argument, const Shape& actual, int rank);

// The axis counted from 0; negative ones count from the end.
// "mean_axis: axis 3 is outside x [2,5] (axes -2 to 1)"
int require_axis(const char* op, const char* argument, const Shape& actual, int axis);

// Every index in [0, count): "gather_rows: indices[3] is 9, but x [7,4] has rows 0 to 6".
void require_indices(const char* op, const char* argument, const IntTensor& indices, const char* of_name,
                     const Shape& of);

// Every target in a vocabulary of `count`: "vocabulary_cross_entropy: target 9 of row 2 is outside ...".
void require_targets(const char* op, const IntTensor& targets, std::int64_t count);

// Philox has 48 bits for the index of four words: dropout at a site above 2^18 would draw another's numbers.
void require_site(const char* op, std::uint64_t site);

// Every id in a vocabulary of `count`: "embedding: id 9 at position [1,2] of ids [2,3] is outside ...".
void require_ids(const char* op, const IntTensor& ids, std::int64_t count);

}  // namespace espalier::ops
