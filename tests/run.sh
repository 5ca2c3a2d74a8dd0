#!/usr/bin/env bash
# Installs what is missing, builds everything with warnings as errors, and runs every test. The program is
# build/release/espalier afterwards; ctest's output is kept in build/release/tests.log.
set -euo pipefail
cd "$(dirname "$0")/.."

# shellcheck source=experiments/lib/system.sh
. experiments/lib/system.sh
require_writable tests
experiments/lib/install.sh build mpi
rm -f build/release/tests.log
cmake --preset release
cmake --build --preset release --target all espalier_tests
ctest --preset release --parallel 2 --no-tests=error 2>&1 | tee build/release/tests.log
