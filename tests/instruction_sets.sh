#!/usr/bin/env bash
# What tests/run.sh ran under this machine's best instruction set, under the lesser ones that other machines have.
# Sums run in other orders there, so a test that wants bits where it may only want values fails here. Left out are tests
# of what several processes say and do when one is lost or refused, whatever they compute with: a third of the time.
set -euo pipefail
cd "$(dirname "$0")/.."

best=$(build/release/espalier --version --verbose | sed -n 's/.*; best here \([A-Z0-9_]*\),.*/\1/p')
[ -n "$best" ] || { echo "isa: the program does not say which instruction set is the best here" >&2; exit 1; }
failed=0
for isa in sse4 avx2; do
  if [ "${isa^^}" = "$best" ]; then
    echo "$isa: this machine's best, which tests/run.sh has run"
    continue
  fi
  export ESPALIER_ISA=$isa
  # A product says whether the machine has it.
  said=$(build/release/tests/test_nn 2>&1 || true)
  if [[ $said == *"the best instruction set of this machine is"* ]]; then
    echo "$isa: skipped, this machine does not have it"
    continue
  fi
  echo "$isa:"
  ctest --preset release --parallel 2 --no-tests=error \
    --exclude-regex '^(layering|install|fuzz\..*|cli\.(process_faults|processes_prepare|processes_refusals|hosts)_test|.*\.(sse4|avx2))$' ||
    failed=1
done
exit $failed
