#include "espalier/bench/gemm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "bench/gemm_product.h"
#include "espalier/base/error.h"

namespace espalier::bench {
namespace {

TEST_CASE("the check of a product sees every element") {
  for (const bool over_rows : {false, true}) {
    GemmProduct product({"", 33, 65, 97, over_rows});
    CHECK(std::isnan(product.error()));
    product.run();
    CHECK(product.error() < 5e-6);
    product.result().data()[33 * 65 - 1] += 0.1F;
    CHECK(product.error() > 5e-5);
  }
}

TEST_CASE("shapes are read or refused") {
  const GemmShape shape = parse_gemm_shape("12x34x56");
  CHECK(shape.m == 12);
  CHECK(shape.n == 34);
  CHECK(shape.k == 56);
  for (const char* text : {"12x34", "12x34x0", "12x34x56x7", "a", "", "1x1x99999999"}) {
    CHECK_THROWS_WITH_AS(parse_gemm_shape(text), doctest::Contains("--shape must be MxNxK"), InputError);
  }
}

TEST_CASE("a run says what it measured") {
  GemmOptions options;
  options.shapes = {parse_gemm_shape("64x32x16")};
  options.rounds = 1;
  const GemmReport report = bench_gemm(options);
  REQUIRE(report.rows.size() == 1);
  CHECK(report.rows[0].correct);
  CHECK(report.rows[0].gflops > 0);
  CHECK(report.machine.gemm_gflops > 0);
  CHECK(report.machine.cores >= 1);
  CHECK_FALSE(report.machine.isa.empty());
}

}  // namespace
}  // namespace espalier::bench
