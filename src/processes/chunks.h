// How gradients are cut for their way through the network, and how a chunk is written down.
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

// Appends `values`: as they are, or without their runs of zeros where these are many.
void write_values(std::span<const float> values, std::vector<float>& message);
// Reads as many back; returns what follows them in the message.
std::span<const float> read_values(std::span<const float> message, std::span<float> values);
// Floats that write_values() appends at most.
std::size_t longest_message(std::int64_t values);

}  // namespace espalier::processes
