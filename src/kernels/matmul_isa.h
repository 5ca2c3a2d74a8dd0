// The instructions that matrix products may use.
#pragma once

#include <string>

namespace espalier::kernels {

// The best instructions that products may use from now on, if they are called before the first product.
enum class ProductIsa { kSse41, kAvx2, kAvx512 };
void limit_products(ProductIsa isa);

// Whether the library that the program was built with has them at all.
bool products_know_bfloat16();

// Whether products of bfloat16 have instructions of their own here, AVX512_BF16 or AMX_BF16.
bool products_take_bfloat16();

// Whether the machine has AMX for bfloat16 and bytes, and nothing is pinned.
bool products_take_amx();

// The version of oneDNN, "2.6.3".
std::string product_library_version();

}  // namespace espalier::kernels
