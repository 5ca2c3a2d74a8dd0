#include "kernels/matmul_isa.h"

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.h>

#include <cstddef>

#include "espalier/base/error.h"

namespace espalier::kernels {

void limit_products(ProductIsa isa) {
  constexpr dnnl_cpu_isa_t kIsas[] = {dnnl_cpu_isa_sse41, dnnl_cpu_isa_avx2, dnnl_cpu_isa_avx512_core};
  ESPALIER_CHECK(dnnl_set_max_cpu_isa(kIsas[static_cast<std::size_t>(isa)]) == dnnl_success);
}

bool products_know_bfloat16() {
#ifdef ESPALIER_DNNL_BF16
  return true;
#else
  return false;
#endif
}

bool products_take_bfloat16() {
  static const bool result =
      products_know_bfloat16() &&
      (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_bf16) == dnnl_cpu_isa_avx512_core_bf16;
  return result;
}

bool products_take_amx() {
  static const bool result =
      (dnnl_get_effective_cpu_isa() & dnnl_cpu_isa_avx512_core_amx) == dnnl_cpu_isa_avx512_core_amx;
  return result;
}

std::string product_library_version() {
  const dnnl_version_t& version = *dnnl_version();
  return fmt::format("{}.{}.{}", version.major, version.minor, version.patch);
}

}  // namespace espalier::kernels
