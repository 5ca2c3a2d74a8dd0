#!/usr/bin/env bash
# usage: tests/fuzz/run.sh [SECONDS [TARGET...]]      (60 seconds, all targets, unless told)
# Installs what is missing, builds the fuzz targets (clang's libFuzzer, address and undefined-behaviour sanitizers) and
# runs each for SECONDS, two at a time, from the seeds and what earlier runs found. Prints executions and coverage.
# Status 1 if a target found something; the input is then in build/fuzz/findings, and
# `build/fuzz/tests/fuzz/fuzz_TARGET FILE` repeats it.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
shift $(($# > 0 ? 1 : 0))

# shellcheck source=experiments/lib/system.sh
. experiments/lib/system.sh
experiments/lib/install.sh build fuzz
cmake --preset fuzz -DCMAKE_CXX_COMPILER="clang++-$(clang_version)" >&2
cmake --build --preset fuzz >&2

targets=("$@")
[ ${#targets[@]} -gt 0 ] ||
  mapfile -t targets < <(find tests/fuzz/seeds -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort)

mkdir -p build/fuzz/{corpus,findings,logs}
export seconds
# An allocation of more than 256 MB, 100 times what any input here is long, counts as a finding; but the head of zstd
# data may ask for a window of 1 GiB, which is memory in name only until text fills it.
# shellcheck disable=SC2016
printf '%s\n' "${targets[@]}" | xargs -P 2 -I NAME bash -c '
  mkdir -p "build/fuzz/corpus/NAME"
  case NAME in corpus | table) most=1100 ;; *) most=256 ;; esac
  build/fuzz/tests/fuzz/fuzz_NAME -max_total_time="$seconds" -timeout=20 -max_len=32768 -rss_limit_mb=2048 \
    -malloc_limit_mb=$most -print_final_stats=1 -artifact_prefix="build/fuzz/findings/NAME-" \
    "build/fuzz/corpus/NAME" "tests/fuzz/seeds/NAME" \
    >"build/fuzz/logs/NAME.log" 2>&1 || echo "$?" >"build/fuzz/logs/NAME.failed"' || true

failed=0
printf '%-16s %12s %10s %10s  %s\n' target executions edges inputs found
for name in "${targets[@]}"; do
  log=build/fuzz/logs/$name.log
  found=nothing
  if [ -e "build/fuzz/logs/$name.failed" ]; then
    found=$(grep -m1 -E 'ERROR: |runtime error: |broken invariant' "$log" ||
      echo "status $(cat "build/fuzz/logs/$name.failed")")
    rm "build/fuzz/logs/$name.failed"
    failed=1
  fi
  executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
  edges=$(grep -oE 'cov: [0-9]+' "$log" | tail -1 | cut -d' ' -f2)
  printf '%-16s %12s %10s %10s  %s\n' "$name" "${executions:-?}" "${edges:-?}" \
    "$(find "build/fuzz/corpus/$name" -type f | wc -l)" "$found"
done
exit $failed
