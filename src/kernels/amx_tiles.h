// The tiles of AMX: registers of 16 rows of 64 bytes. Only for files of kernels/ that are compiled for it.
#pragma once

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstdint>

#if !defined(__clang__)
// GCC 12 finds what its own intrinsics leave undefined on purpose.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif

// NOLINTBEGIN: intrinsics
#define ESPALIER_AMX __attribute__((target("amx-tile,amx-bf16,amx-int8,avx512f,avx512bw,avx512vl,avx512dq")))

namespace espalier::kernels::amx {

// As the left factor a tile holds 16 rows of 32 numbers (64 bytes), as the right one 16 columns, of which a
// row of the tile holds two (four) neighbours along k each, as the result 16 x 16 sums.
inline constexpr std::int64_t kSide = 16;
inline constexpr std::int64_t kTileBytes = 1024;

// While alive this thread has all eight, whole. Result 0 to 3 = left 4, 5 x right 6, 7.
class Tiles {
 public:
  ESPALIER_AMX Tiles() {
    struct alignas(64) {
      std::uint8_t palette = 1, start = 0, reserved[14] = {};
      std::uint16_t bytes[16] = {};
      std::uint8_t rows[16] = {};
    } shape;
    for (int tile = 0; tile < 8; ++tile) shape.bytes[tile] = 64, shape.rows[tile] = kSide;
    _tile_loadconfig(&shape);
  }
  ESPALIER_AMX ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;
};

// Tiles are read behind the compiler's back: what was written before has to be there.
inline void finish_writes() {
  __asm__ volatile("" ::: "memory");
}

}  // namespace espalier::kernels::amx
// NOLINTEND

#endif
