#include "kernels/matmul.h"

#include <omp.h>
#include <oneapi/dnnl/dnnl.h>

#include <algorithm>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/isa.h"

namespace espalier::kernels {
namespace {

// The part of C a task computes. oneDNN copies the operands of a call into its own layout, which large tiles
// pay for best: 1024 x 768 reach the peak, 256 x 512 lose 5 to 10 %.
struct Tile {
  std::int64_t rows, columns;
};
constexpr Tile kTiles[] = {{1024, 768}, {512, 768}, {512, 384}, {256, 384}, {256, 192}, {128, 192}};
// Of a weight's gradient, whose terms are rows.
constexpr Tile kGradientTiles[] = {{768, 768}, {384, 768}, {384, 384}, {192, 384}};
// The largest tile that leaves this many tasks. It must not depend on the number of threads: oneDNN's bits
// may depend on the shape it sees.
constexpr std::int64_t kEnoughTasks = 8;

// oneDNN computes fewer rows than this on another path with other bits, so a short tail joins the panel
// before it.
constexpr std::int64_t kShortestPanel = 48;

struct Panels {
  std::int64_t extent, panel, count;
  Panels(std::int64_t extent_in, std::int64_t panel_in)
      : extent(extent_in), panel(panel_in), count((extent_in + panel_in - 1) / panel_in) {
    if (count > 1 && extent - (count - 1) * panel < kShortestPanel) --count;
  }
  std::int64_t begin(std::int64_t i) const { return i * panel; }
  std::int64_t size(std::int64_t i) const { return (i + 1 == count ? extent : (i + 1) * panel) - i * panel; }
};

template <std::size_t kCount>
Tile tile_for(const Tile (&tiles)[kCount], std::int64_t m, std::int64_t n) {
  for (const Tile& tile : tiles) {
    if (Panels(m, tile.rows).count * Panels(n, tile.columns).count >= kEnoughTasks) return tile;
  }
  return tiles[kCount - 1];
}

const float* element(const MatrixView& view, std::int64_t row, std::int64_t column) {
  return view.data + (view.transposed ? column * view.stride + row : row * view.stride + column);
}

// Once on each thread. oneDNN was built with OpenMP; inside a task of ours it must stay on this thread.
void prepare_thread() {
  thread_local const bool done = [] {
    require_valid_isa();
    omp_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

}  // namespace

void limit_products(ProductIsa isa) {
  constexpr dnnl_cpu_isa_t kIsas[] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2, dnnl_cpu_isa_avx512_core};
  ESPALIER_CHECK(dnnl_set_max_cpu_isa(kIsas[static_cast<std::size_t>(isa)]) == dnnl_success);
}

void matmul_serial(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b,
                   bool accumulate, float* c, std::int64_t stride) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (accumulate) return;
    for (std::int64_t row = 0; row < m; ++row) std::fill_n(c + row * stride, n, 0.0F);
    return;
  }
  prepare_thread();
  const dnnl_status_t status =
      dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0F, a.data,
                 std::max<std::int64_t>(a.stride, 1), b.data, std::max<std::int64_t>(b.stride, 1),
                 accumulate ? 1.0F : 0.0F, c, std::max<std::int64_t>(stride, 1));
  ESPALIER_CHECK(status == dnnl_success);
}

void matmul(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, bool accumulate,
            float* c, std::int64_t stride) {
  const Tile tile = tile_for(kTiles, m, n);
  const Panels rows(m, tile.rows);
  const Panels columns(n, tile.columns);
  parallel_for(rows.count * columns.count, 1, [&](std::int64_t task, std::int64_t) {
    const std::int64_t i = task / columns.count;
    const std::int64_t j = task % columns.count;
    const std::int64_t row = rows.begin(i);
    const std::int64_t column = columns.begin(j);
    matmul_serial(rows.size(i), columns.size(j), k, {element(a, row, 0), a.stride, a.transposed},
                  {element(b, 0, column), b.stride, b.transposed}, accumulate, c + row * stride + column,
                  stride);
  });
}

void matmul_over_rows(std::int64_t m, std::int64_t n, std::int64_t rows, const float* a,
                      std::int64_t a_stride, const float* b, std::int64_t b_stride, bool accumulate, float* c,
                      std::int64_t stride) {
  const Tile tile = tile_for(kGradientTiles, m, n);
  const Panels out_rows(m, tile.rows);
  const Panels out_columns(n, tile.columns);
  parallel_for(out_rows.count * out_columns.count, 1, [&](std::int64_t task, std::int64_t) {
    const std::int64_t i = task / out_columns.count;
    const std::int64_t j = task % out_columns.count;
    const std::int64_t row = out_rows.begin(i);
    const std::int64_t column = out_columns.begin(j);
    float* block = c + row * stride + column;
    std::int64_t first = 0;
    do {
      const std::int64_t count = std::min(kGradientRows, rows - first);
      matmul_serial(out_rows.size(i), out_columns.size(j), count,
                    {a + first * a_stride + row, a_stride, true},
                    {b + first * b_stride + column, b_stride, false}, accumulate || first > 0, block, stride);
      first += kGradientRows;
    } while (first < rows);
  });
}

}  // namespace espalier::kernels
