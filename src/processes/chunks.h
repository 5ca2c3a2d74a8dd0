// How gradients are cut for their way through the network, and how a chunk of few values is written down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace espalier::processes {

// Part of a parameter.
struct Piece {
  std::size_t parameter = 0;
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

struct Chunk {
  std::vector<Piece> pieces;
  std::int64_t count = 0;
};

// The last parameter first, since a backward pass completes it first; small ones share a chunk.
std::vector<Chunk> chunks_of(std::span<const std::int64_t> sizes);

// Values without their runs of zeros, where these are many: written to `message`, true. It is shorter than
// the values then, so that its length tells it from them; else false, and the values are sent as they are.
bool pack(std::span<const float> values, std::vector<float>& message);
void unpack(std::span<const float> message, std::span<float> values);

}  // namespace espalier::processes
