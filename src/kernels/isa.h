// Which instruction set the kernels run on: the SIMD kernels through Highway, products through oneDNN. The
// environment variable ESPALIER_ISA (sse4, avx2 or avx512) pins both to one that the machine has, so that a
// run can go on bit for bit on another machine; it is read when the program starts.
#pragma once

#include <string>
#include <vector>

namespace espalier::kernels {

// Highway's name of the target in use, e.g. "AVX2" or "AVX3". Bits of results may differ between targets, so
// checkpoints note it.
std::string active_isa();

// Highway's names of the targets that the kernels are compiled for, from the least to the best, and which of
// them runs: the best that active_isa() covers.
std::vector<std::string> compiled_isas();
std::string kernel_isa();

// Whether products of bytes may use AVX512_VNNI: the machine has it, and ESPALIER_ISA pins nothing.
bool has_vnni();

// The same of AMX, whose tiles the system has to grant.
bool has_amx();

// Throws InputError if ESPALIER_ISA holds an unknown name, or one that this machine does not have. Every
// product checks it; programs do so before they begin.
void require_valid_isa();

// Why products of bfloat16 would be slower than those of float32, or nothing: what oneDNN does without
// AVX512_BF16 or AMX_BF16 takes 2 to 4 times as long.
std::string bfloat16_obstacle();
// What computes products of bfloat16, "AMX_BF16" or "AVX512_BF16", which add in another order; "none" where
// there is an obstacle.
std::string bfloat16_instructions();

}  // namespace espalier::kernels
