#!/usr/bin/env bash
# oneDNN's dnnl_sgemm with AVX2: rows of A that are equal give rows of C that are not. Small products are computed 6
# rows at a time, and a rest of 1 to 3 rows with another order of sums, so that the last rows differ from the others in
# their last bits. That a row's bits follow the shape of the product is usual; here they follow its place among equals:
# of 8 copies of one sentence the last 2 get other embeddings, and a test that a batch gives every copy the same passes
# with AVX-512 and SSE4.1 and fails on a machine whose best is AVX2. Seen with 2.6.3 of Debian 12 and 3.2.0, on one
# thread.
#   Way out: a number of rows that 12 divides, filled up with zeros; or to promise equal bits for equal shapes alone.
# shellcheck source=findings/lib/tools.sh
. "$(dirname "$0")/lib/tools.sh"

command -v g++ >/dev/null || skip "g++ is not installed"
grep -qw avx2 /proc/cpuinfo || skip "this machine has no AVX2"
cat >program.cc <<'TEXT'
#include <dnnl.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <vector>
int main() {
  const int width = 768, outputs = 64;
  for (const int rows : {6, 7, 8, 12}) {
    std::vector<float> row(width), a, b(width * outputs), c(rows * outputs);
    const auto draw = [] { return static_cast<float>(std::rand()) / static_cast<float>(RAND_MAX) - 0.5F; };
    std::generate(row.begin(), row.end(), draw);
    std::generate(b.begin(), b.end(), draw);
    for (int i = 0; i < rows; ++i) a.insert(a.end(), row.begin(), row.end());
    if (dnnl_sgemm('N', 'N', rows, outputs, width, 1, a.data(), width, b.data(), outputs, 0, c.data(), outputs) !=
        dnnl_success) {
      return 1;
    }
    std::printf("of %d equal rows, unlike the first:", rows);
    for (int i = 1; i < rows; ++i) {
      if (!std::equal(c.begin(), c.begin() + outputs, c.begin() + i * outputs)) std::printf(" %d", i);
    }
    std::puts(".");
  }
}
TEXT
multiarch=$(g++ -print-multiarch)
debian_packages bookworm 2.6.3 libdnnl-dev=2.6.3-1 libdnnl2=2.6.3-1 ocl-icd-libopencl1=2.3.1-1
python_packages 3.2.0 onednn-cpu-gomp==2023.2.0
libraries=("$work/2.6.3/usr/lib/$multiarch" "$work/3.2.0/lib")
export OMP_NUM_THREADS=1 LD_LIBRARY_PATH=${libraries[0]}:${libraries[1]}
for library in "${libraries[0]}/libdnnl.so.2" "${libraries[1]}/libdnnl.so.3"; do
  version=${library#"$work/"}
  version=${version%%/*}
  g++ -std=c++17 -I 2.6.3/usr/include -o "program.$version" program.cc "$library"
  for isa in AVX2 SSE41 AVX512_CORE; do
    DNNL_MAX_CPU_ISA=$isa ONEDNN_MAX_CPU_ISA=$isa "./program.$version" >"$version.$isa" 2>&1
  done
  for line in 'of 6 equal rows, unlike the first:.' 'of 7 equal rows, unlike the first: 6.' \
    'of 8 equal rows, unlike the first: 6 7.' 'of 12 equal rows, unlike the first:.'; do
    expect "oneDNN $version, AVX2" "$version.AVX2" "$line"
  done
  expect "oneDNN $version, SSE4.1" "$version.SSE41" 'of 8 equal rows, unlike the first:.'
  if grep -qw avx512bw /proc/cpuinfo; then
    expect "oneDNN $version, AVX-512" "$version.AVX512_CORE" 'of 8 equal rows, unlike the first:.'
  fi
done
