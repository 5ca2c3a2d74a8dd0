#include "kernels/matmul.h"

#include <oneapi/dnnl/dnnl.h>

#include <algorithm>
#include <type_traits>

#include "espalier/base/error.h"
#include "espalier/base/parallel.h"
#include "kernels/amx.h"
#include "kernels/few_rows.h"
#include "kernels/isa.h"
#include "kernels/matmul_isa.h"
#include "kernels/scratch.h"

// Of GNU's OpenMP, with which oneDNN runs. Its header comes with g++ alone, and clang's is of another
// runtime.
extern "C" void omp_set_num_threads(int count);
#ifdef ESPALIER_DNNL_BF16
// The product of bfloat16 that stands beside dnnl_sgemm in the library, though not in its header. A matmul
// primitive, which is in the header, is made for each shape and thread, and takes 10 % more time where A is
// transposed.
extern "C" dnnl_status_t dnnl_gemm_bf16bf16f32(char transa, char transb, dnnl_dim_t m, dnnl_dim_t n,
                                               dnnl_dim_t k, float alpha, const std::uint16_t* a,
                                               dnnl_dim_t lda, const std::uint16_t* b, dnnl_dim_t ldb,
                                               float beta, float* c, dnnl_dim_t ldc);
#else
// Never called: products_take_bfloat16() says no.
static dnnl_status_t dnnl_gemm_bf16bf16f32(char, char, dnnl_dim_t, dnnl_dim_t, dnnl_dim_t, float,
                                           const std::uint16_t*, dnnl_dim_t, const std::uint16_t*, dnnl_dim_t,
                                           float, float*, dnnl_dim_t) {
  return dnnl_unimplemented;
}
#endif

namespace espalier::kernels {
namespace {

// oneDNN copies the operands of a call into its own layout, which large parts pay for best: 1024 x 768 reach
// the peak, 256 x 512 lose 5 to 10 %.
constexpr std::int64_t kMostRows = 1024;
constexpr std::int64_t kMostColumns = 768;
constexpr std::int64_t kFewestRows = 128;
constexpr std::int64_t kFewestColumns = 192;
// Where a product is large enough, so many tasks. It must not depend on the number of threads: oneDNN's bits
// may depend on the shape it sees.
constexpr std::int64_t kEnoughTasks = 8;
// With so many, threads that are idle at the end lose little.
constexpr std::int64_t kManyTasks = 3 * kEnoughTasks;
// oneDNN computes fewer rows than this on another path with other bits, so a short tail joins the panel
// before it.
constexpr std::int64_t kShortestPanel = 48;

std::int64_t ceil_divide(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// An extent in panels of equal size, up to a multiple that suits oneDNN's kernels; the last may be shorter.
struct Panels {
  std::int64_t extent, panel, count;
  Panels(std::int64_t extent_in, std::int64_t count_in, std::int64_t multiple)
      : extent(extent_in),
        panel(ceil_divide(ceil_divide(extent_in, count_in), multiple) * multiple),
        count(ceil_divide(extent_in, panel)) {
    if (count > 1 && extent - (count - 1) * panel < kShortestPanel) --count;
  }
  std::int64_t begin(std::int64_t i) const { return i * panel; }
  std::int64_t size(std::int64_t i) const { return (i + 1 == count ? extent : (i + 1) * panel) - i * panel; }
};

struct Tile {
  std::int64_t row, rows, column, columns;
};

// The parts of C [m,n] that tasks compute, row by row.
struct Tiles {
  Panels rows, columns;
  std::int64_t count() const { return rows.count * columns.count; }
  Tile operator[](std::int64_t task) const {
    const std::int64_t i = task / columns.count, j = task % columns.count;
    return {rows.begin(i), rows.size(i), columns.begin(j), columns.size(j)};
  }
};

bool products_use_avx512() {
  static const bool result =
      (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core) == dnnl_cpu_isa_avx512_core;
  return result;
}

bool products_use_avx2() {
  static const bool result =
      !products_use_avx512() && (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx2) == dnnl_cpu_isa_avx2;
  return result;
}

// oneDNN copies the operands of large tiles and reads those of small ones where they lie.
bool operands_are_copied(std::int64_t rows, std::int64_t columns) {
  return 1.0 / static_cast<double>(rows) + 1.0 / static_cast<double>(columns) <= 0.0038;
}

// With AVX2 oneDNN computes six rows at a time, and the rest of a block, whose size follows the tile's, in
// another order of sums (findings/onednn_equal_rows.sh). A row's bits then depend on its place, unless each
// tile has a multiple of so many rows.
constexpr std::int64_t kAlike = 12;

// The rows to compute for a tile, so that bits depend on a row's place neither in the tile nor among tiles.
std::int64_t rows_for(const Tiles& tiles, const Tile& tile) {
  if (!products_use_avx2()) return tile.rows;
  const std::int64_t rows = ceil_divide(tile.rows, kAlike) * kAlike;
  const bool alike =
      operands_are_copied(rows, tile.columns) == operands_are_copied(tiles.rows.panel, tile.columns);
  return alike ? rows : std::max(rows, tiles.rows.panel);
}

// Cuts C into parts whose count suits the threads and whose operands cost least to copy: every column of
// tiles copies all of A, every row of tiles all of B. In numbers measured with AVX-512, 256 x 512 is 7 %
// slower than 1024 x 768, which a copied element as dear as 20 multiply-adds explains. Equal tiles, because
// the last may be alone: with 900 x 768 x 768, 256 rows at a time and a rest reach 85 to 92 % of the peak,
// 4 x 2 equal parts 91 to 103 %.
Tiles tiles_for(std::int64_t m, std::int64_t n, std::int64_t most_rows) {
  const std::int64_t fewest_rows = ceil_divide(m, most_rows), fewest_columns = ceil_divide(n, kMostColumns);
  const std::int64_t most_row_tiles = std::max(fewest_rows, std::min(m / kFewestRows, kManyTasks));
  const std::int64_t most_column_tiles = std::max(fewest_columns, std::min(n / kFewestColumns, kManyTasks));
  const auto cost = [&](std::int64_t rows, std::int64_t columns) {
    const double copies = static_cast<double>(rows) / static_cast<double>(m) +
                          static_cast<double>(columns) / static_cast<double>(n);
    const std::int64_t tasks = rows * columns;
    const double idle = tasks >= kManyTasks
                            ? 1.0
                            : static_cast<double>(ceil_divide(tasks, kEnoughTasks) * kEnoughTasks) /
                                  static_cast<double>(tasks);
    return (1.0 + 20.0 * copies) * idle;
  };
  std::int64_t rows = fewest_rows, columns = fewest_columns;
  for (std::int64_t i = fewest_rows; i <= most_row_tiles; ++i) {
    for (std::int64_t j = fewest_columns; j <= most_column_tiles; ++j) {
      if (cost(i, j) < cost(rows, columns)) rows = i, columns = j;
    }
  }
  return {Panels(m, rows, products_use_avx2() ? kAlike : 8), Panels(n, columns, 48)};
}

// With AVX2, where the rows of a matrix lie nearly a multiple of 2 kB apart, going down the columns of a tile
// that is not copied finds few sets of the caches free: the weight gradient of 768 -> 3072 reaches 41 % of
// the speed of a square product, with copied rows 91 %. AVX-512 gains nothing.
bool reads_slowly(const Tile& tile, std::int64_t stride) {
  return !operands_are_copied(tile.rows, tile.columns) && (stride + 15) % 512 < 31 && !products_use_avx512();
}

// `columns` columns of some rows, which lie `stride` apart.
template <class Element>
struct Rows {
  const Element* data;
  std::int64_t stride;
  std::int64_t columns;

  // The same, copied with rows that lie at a better distance.
  Rows copied(std::int64_t count, Scratch<Element>& copy) const {
    const std::int64_t apart = ceil_divide(columns, 16) * 16 + 16;
    copy = Scratch<Element>(count * apart);
    for (std::int64_t row = 0; row < count; ++row) {
      std::copy_n(data + row * stride, columns, copy.data() + row * apart);
    }
    return {copy.data(), apart, columns};
  }
};

// Once on each thread. oneDNN was built with OpenMP; inside a task of ours it must stay on this thread.
void prepare_thread() {
  thread_local const bool done = [] {
    require_valid_isa();
    omp_set_num_threads(1);
    return true;
  }();
  static_cast<void>(done);
}

bool no_terms(std::int64_t m, std::int64_t n, std::int64_t k, Destination c, std::int64_t stride) {
  if (k > 0) return false;
  if (c.accumulate) return true;
  for (std::int64_t row = 0; row < m; ++row) std::fill_n(c.data + row * stride, n, 0.0F);
  return true;
}

// The same matrix of `rows` x `columns` in float32.
MatrixView widened(const Bfloat16View& view, std::int64_t rows, std::int64_t columns, Scratch<float>& copy) {
  const std::int64_t lines = view.transposed ? columns : rows, width = view.transposed ? rows : columns;
  copy = Scratch<float>(lines * width);
  for (std::int64_t line = 0; line < lines; ++line) {
    widen_bfloat16_serial(width, view.data + line * view.stride, copy.data() + line * width);
  }
  return {copy.data(), width, view.transposed};
}

// One row alone, which oneDNN would compute on another path with other bits: twice.
void one_row(std::int64_t n, std::int64_t k, Bfloat16View a, Bfloat16View b, Destination c) {
  Scratch<Bfloat16> twice(2 * k);
  for (std::int64_t i = 0; i < k; ++i) twice[i] = twice[k + i] = *from(a, 0, i).data;
  Scratch<float> result(2 * n);
  if (c.accumulate) {  // within the product, which adds block by block of k
    for (std::int64_t row = 0; row < 2; ++row) std::copy_n(c.data, n, result.data() + row * n);
  }
  matmul_serial(2, n, k, Bfloat16View{twice.data(), k}, b, {result.data(), c.accumulate}, n);
  std::copy_n(result.data(), n, c.data);
}

// A product of `rows` rows, computed as one of `all`.
void filled_up(std::int64_t rows, std::int64_t all, std::int64_t n, std::int64_t k, MatrixView a,
               MatrixView b, Destination c, std::int64_t stride) {
  const std::int64_t lines = a.transposed ? k : rows, width = a.transposed ? rows : k;
  const std::int64_t apart = a.transposed ? all : k;
  Scratch<float> copy(all * k), result(all * n);
  std::fill_n(copy.data(), all * k, 0.0F);
  for (std::int64_t line = 0; line < lines; ++line) {
    std::copy_n(a.data + line * a.stride, width, copy.data() + line * apart);
  }
  if (c.accumulate) {
    std::fill_n(result.data() + rows * n, (all - rows) * n, 0.0F);
    for (std::int64_t row = 0; row < rows; ++row) {
      std::copy_n(c.data + row * stride, n, result.data() + row * n);
    }
  }
  matmul_serial(all, n, k, MatrixView{copy.data(), apart, a.transposed}, b, {result.data(), c.accumulate}, n);
  for (std::int64_t row = 0; row < rows; ++row) {
    std::copy_n(result.data() + row * n, n, c.data + row * stride);
  }
}

template <class Element>
void matmul_by_tiles(std::int64_t m, std::int64_t n, std::int64_t k, BasicMatrixView<Element> a,
                     BasicMatrixView<Element> b, Destination c, std::int64_t stride) {
  const Tiles tiles = tiles_for(m, n, kMostRows);
  parallel_for(tiles.count(), 1, [&](std::int64_t task, std::int64_t) {
    const Tile tile = tiles[task];
    const auto left = from(a, tile.row, 0), right = from(b, 0, tile.column);
    const Destination out = c + tile.row * stride + tile.column;
    if constexpr (std::is_same_v<Element, float>) {
      const std::int64_t rows = rows_for(tiles, tile);
      if (rows > tile.rows) return filled_up(tile.rows, rows, tile.columns, k, left, right, out, stride);
    }
    matmul_serial(tile.rows, tile.columns, k, left, right, out, stride);
  });
}

}  // namespace

void matmul_serial(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, Destination c,
                   std::int64_t stride) {
  if (m == 0 || n == 0 || no_terms(m, n, k, c, stride)) return;
  prepare_thread();
  const dnnl_status_t status =
      dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0F, a.data,
                 std::max<std::int64_t>(a.stride, 1), b.data, std::max<std::int64_t>(b.stride, 1),
                 c.accumulate ? 1.0F : 0.0F, c.data, std::max<std::int64_t>(stride, 1));
  ESPALIER_CHECK(status == dnnl_success);
}

void matmul_serial(std::int64_t m, std::int64_t n, std::int64_t k, Bfloat16View a, Bfloat16View b,
                   Destination c, std::int64_t stride) {
  if (m == 0 || n == 0 || no_terms(m, n, k, c, stride)) return;
  if (use_amx()) return amx_product(m, n, k, a, b, c, stride);
  if (!products_take_bfloat16()) {
    Scratch<float> wide_a, wide_b;
    return matmul_serial(m, n, k, widened(a, m, k, wide_a), widened(b, k, n, wide_b), c, stride);
  }
  if (m == 1) return one_row(n, k, a, b, c);
  prepare_thread();
  const dnnl_status_t status =
      dnnl_gemm_bf16bf16f32(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', m, n, k, 1.0F, a.data,
                            std::max<std::int64_t>(a.stride, 1), b.data, std::max<std::int64_t>(b.stride, 1),
                            c.accumulate ? 1.0F : 0.0F, c.data, std::max<std::int64_t>(stride, 1));
  ESPALIER_CHECK(status == dnnl_success);
}

void matmul(std::int64_t m, std::int64_t n, std::int64_t k, MatrixView a, MatrixView b, Destination c,
            std::int64_t stride) {
  if (m == 0 || n == 0) return;
  if (m < kFewRows && k > 0 && !a.transposed && b.transposed) {
    return few_rows_matmul(m, n, k, a.data, a.stride, b.data, b.stride, c, stride);
  }
  matmul_by_tiles(m, n, k, a, b, c, stride);
}

void matmul(std::int64_t m, std::int64_t n, std::int64_t k, Bfloat16View a, Bfloat16View b, Destination c,
            std::int64_t stride) {
  if (m == 0 || n == 0) return;
  matmul_by_tiles(m, n, k, a, b, c, stride);
}

namespace {

template <class Element>
void over_rows(std::int64_t m, std::int64_t n, std::int64_t rows, const Element* a, std::int64_t a_stride,
               const Element* b, std::int64_t b_stride, Destination c, std::int64_t stride) {
  if (m == 0 || n == 0) return;
  const Tiles tiles = tiles_for(m, n, kMostColumns);
  const std::int64_t count = tiles.count();
  const auto product = [&](const Tile& tile, std::int64_t first, bool add, float* out,
                           std::int64_t out_stride) {
    const std::int64_t k = std::min(kGradientRows, rows - first);
    Rows<Element> left{a + first * a_stride + tile.row, a_stride, tile.rows};
    Rows<Element> right{b + first * b_stride + tile.column, b_stride, tile.columns};
    Scratch<Element> left_copy, right_copy;
    if (reads_slowly(tile, a_stride)) left = left.copied(k, left_copy);
    if (reads_slowly(tile, b_stride)) right = right.copied(k, right_copy);
    matmul_serial(tile.rows, tile.columns, k, BasicMatrixView<Element>{left.data, left.stride, true},
                  BasicMatrixView<Element>{right.data, right.stride},
                  {out + tile.row * out_stride + tile.column, add}, out_stride);
  };
  if (count >= kEnoughTasks) {
    parallel_for(count, 1, [&](std::int64_t task, std::int64_t) {
      const Tile tile = tiles[task];
      std::int64_t first = 0;
      do {
        product(tile, first, c.accumulate || first > 0, c.data, stride);
        first += kGradientRows;
      } while (first < rows);
    });
    return;
  }
  // Too small for enough tasks: every panel of rows on its own, then their sums in order. With 192 x 192 over
  // 4096 rows one task would compute what the other threads wait for.
  const std::int64_t panels = std::max<std::int64_t>(ceil_divide(rows, kGradientRows), 1);
  Scratch<float> products(panels * m * n);
  parallel_for(panels * count, 1, [&](std::int64_t task, std::int64_t) {
    const std::int64_t panel = task / count;
    product(tiles[task % count], panel * kGradientRows, false, products.data() + panel * m * n, n);
  });
  constexpr std::int64_t kRowsSummed = 16;
  parallel_for(m, kRowsSummed, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      float* const sum = c.data + row * stride;
      if (!c.accumulate) std::copy_n(products.data() + row * n, n, sum);
      for (std::int64_t panel = c.accumulate ? 0 : 1; panel < panels; ++panel) {
        const float* const term = products.data() + (panel * m + row) * n;
        for (std::int64_t column = 0; column < n; ++column) sum[column] += term[column];
      }
    }
  });
}

}  // namespace

void matmul_over_rows(std::int64_t m, std::int64_t n, std::int64_t rows, const float* a,
                      std::int64_t a_stride, const float* b, std::int64_t b_stride, Destination c,
                      std::int64_t stride) {
  over_rows(m, n, rows, a, a_stride, b, b_stride, c, stride);
}

void matmul_over_rows(std::int64_t m, std::int64_t n, std::int64_t rows, const Bfloat16* a,
                      std::int64_t a_stride, const Bfloat16* b, std::int64_t b_stride, Destination c,
                      std::int64_t stride) {
  over_rows(m, n, rows, a, a_stride, b, b_stride, c, stride);
}

}  // namespace espalier::kernels
