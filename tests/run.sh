#!/usr/bin/env bash
# Installs what is missing, builds everything with warnings as errors, and runs every test. The program is
# build/release/espalier afterwards; ctest's output is kept in build/release/tests.log.
set -euo pipefail
cd "$(dirname "$0")/.."

experiments/lib/install.sh build tests
rm -f build/release/tests.log
cmake --preset release -DESPALIER_BUILD_TESTS=ON -DESPALIER_WERROR=ON
cmake --build --preset release
ctest --preset release --parallel 2 --no-tests=error 2>&1 | tee build/release/tests.log
