// The instructions that matrix products may use.
#pragma once

namespace espalier::kernels {

// The best instructions that products may use from now on, if they are called before the first product.
enum class ProductIsa { kSse41, kAvx2, kAvx512 };
void limit_products(ProductIsa isa);

}  // namespace espalier::kernels
