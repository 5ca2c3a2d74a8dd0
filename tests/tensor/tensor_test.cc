#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <new>

#include "espalier/base/resident_memory.h"
#include "espalier/tensor/pool.h"
#include "espalier/tensor/tensor.h"

namespace espalier {

TEST_CASE("shapes") {
  const Shape shape{2, 3, 4};
  CHECK(shape.str() == "[2,3,4]");
  CHECK(shape.elements() == 24);
  CHECK(shape.rows() == 6);
  CHECK(shape.columns() == 4);
  CHECK(shape[-1] == 4);
  CHECK(shape.with_last(7) == Shape{2, 3, 7});
  CHECK(Shape{}.elements() == 1);
  CHECK(Shape{2} != Shape{2, 1});
  // Products that wrap around to 0, to a negative number, and whose bytes would.
  constexpr std::int64_t kLarge = std::int64_t{1} << 62;
  CHECK_THROWS_AS(Tensor::empty({32, kLarge}), std::bad_alloc);
  CHECK_THROWS_AS(Tensor::zeros({2, kLarge}), std::bad_alloc);
  CHECK_THROWS_AS(Tensor::empty({kLarge}), std::bad_alloc);
}

TEST_CASE("views share memory, clones do not") {
  Tensor tensor = Tensor::from({2, 3}, {1, 2, 3, 4, 5, 6});
  Tensor row = tensor.slice_rows(1, 2);
  CHECK(row.shape() == Shape{1, 3});
  row.data()[0] = 40;
  CHECK(tensor.data()[3] == 40.0F);
  CHECK(tensor.reshape({3, 2}).data() == tensor.data());
  Tensor copy = tensor.clone();
  copy.data()[0] = 9;
  CHECK(tensor.data()[0] == 1.0F);
  CHECK(Tensor::empty({0, 5}).size() == 0);
}

TEST_CASE("freed blocks are used again") {
  pool_release_cached();
  { const Tensor first = Tensor::zeros({1000, 33}); }
  const PoolStatistics before = pool_statistics();
  { const Tensor second = Tensor::zeros({1000, 33}); }
  const PoolStatistics after = pool_statistics();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.live_bytes == before.live_bytes);
  CHECK(before.cached_bytes >= 132000);
  CHECK(reinterpret_cast<std::uintptr_t>(Tensor::zeros({3}).data()) % 64 == 0);
}

TEST_CASE("memory that the system refuses is not counted") {
  const PoolStatistics before = pool_statistics();
  CHECK_THROWS_AS(Tensor::empty({std::int64_t{1} << 46}), std::bad_alloc);
  const PoolStatistics after = pool_statistics();
  CHECK(after.live_bytes == before.live_bytes);
  CHECK(after.peak_live_bytes == before.peak_live_bytes);
  CHECK(after.system_allocations == before.system_allocations);
}

TEST_CASE("zeros are zero in a block that was used, and cost nothing in one that is new") {
  pool_release_cached();
  { Tensor used = Tensor::full({1 << 20}, 7); }
  const Tensor again = Tensor::zeros({1 << 20});
  CHECK(std::all_of(again.span().begin(), again.span().end(), [](float value) { return value == 0; }));
  const std::int64_t before = resident_bytes();
  const Tensor large = Tensor::zeros({256, 1 << 18});
  CHECK(resident_bytes() - before < std::int64_t{64} << 20);
  CHECK(large.span()[100] == 0);
  CHECK(large.span().back() == 0);
}

TEST_CASE("blocks of a changing size: a near larger one serves, growth gives the smaller ones back") {
  pool_release_cached();
  const auto use = [](std::int64_t megabytes) { const Tensor block = Tensor::zeros({megabytes, 1 << 18}); };
  use(1);  // a tensor's small objects, too
  const std::int64_t before = pool_statistics().system_allocations;
  const std::int64_t cached = pool_statistics().cached_bytes;
  use(12);
  use(9);  // in the block of 12
  CHECK(pool_statistics().system_allocations == before + 1);
  use(7);  // less than 2/3 of it: a block of its own, beside that of 12
  CHECK(pool_statistics().system_allocations == before + 2);
  CHECK(pool_statistics().cached_bytes == cached + (std::int64_t{19} << 20));
  for (std::int64_t megabytes = 13; megabytes <= 64; ++megabytes) use(megabytes);
  CHECK(pool_statistics().cached_bytes <= std::int64_t{2 * 64} << 20);
  // Steady from then on.
  const std::int64_t grown = pool_statistics().system_allocations;
  for (const std::int64_t megabytes : {64, 50, 60, 48, 64}) use(megabytes);
  CHECK(pool_statistics().system_allocations == grown);
  // An object is freed with the size that was asked for: never a near block.
  const std::int64_t live = pool_statistics().live_bytes;
  void* const object = pool_allocate_object(std::size_t{50} << 20);
  CHECK(pool_statistics().system_allocations == grown + 1);
  pool_free_object(object, std::size_t{50} << 20);
  CHECK(pool_statistics().live_bytes == live);
}

TEST_CASE("halves of a free block serve 16-bit tensors, and are one block again when both are free") {
  pool_release_cached();
  constexpr std::int64_t kCount = std::int64_t{3} << 20;  // floats: 12 MiB
  const auto megabytes_cached = [] { return pool_statistics().cached_bytes >> 20; };
  // Small objects of as many tensors as will live at a time.
  { const Tensor small[] = {Tensor::empty({1}), Tensor::empty({1}), Tensor::empty({1}), Tensor::empty({1})}; }
  { const Tensor whole = Tensor::empty({kCount}); }
  const std::int64_t before = pool_statistics().system_allocations;
  {
    const Bfloat16Tensor first = Bfloat16Tensor::empty({kCount}), second = Bfloat16Tensor::empty({kCount});
    CHECK(pool_statistics().system_allocations == before);
    CHECK(megabytes_cached() == 0);
    CHECK(std::abs(first.data() - second.data()) == kCount);
    const Tensor other = Tensor::empty({kCount});
    CHECK(pool_statistics().system_allocations == before + 1);
  }
  CHECK(megabytes_cached() == 24);
  { const Tensor a = Tensor::empty({kCount}), b = Tensor::empty({kCount}); }
  CHECK(pool_statistics().system_allocations == before + 1);
  Bfloat16Tensor held = Bfloat16Tensor::empty({kCount});
  pool_release_cached();  // half of a block cannot go
  CHECK(megabytes_cached() == 6);
  held = Bfloat16Tensor();
  pool_release_cached();
  CHECK(megabytes_cached() == 0);
}

TEST_CASE("a half that was cut again and its other half are one block again too") {
  pool_release_cached();
  constexpr std::int64_t kCount = std::int64_t{4} << 20;  // floats: 16 MiB
  { const Tensor whole = Tensor::empty({kCount}); }
  Bfloat16Tensor half = Bfloat16Tensor::empty({kCount});
  {
    const Bfloat16Tensor quarter = Bfloat16Tensor::empty({kCount / 2});
    half = Bfloat16Tensor();
  }
  const std::int64_t before = pool_statistics().system_allocations;
  { const Tensor whole = Tensor::empty({kCount}); }
  CHECK(pool_statistics().system_allocations == before);
  pool_release_cached();
  CHECK((pool_statistics().cached_bytes >> 20) == 0);
}

}  // namespace espalier
