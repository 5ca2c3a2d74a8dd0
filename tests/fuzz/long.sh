#!/usr/bin/env bash
# usage: tests/fuzz/long.sh [MINUTES]      (62 unless told)
# MINUTES of processor time in all, a target on each core, split by risk: what is read from strangers and has the most
# code behind it gets the most. Prints a row for each target when it is through: minutes, executions, and coverage
# (edges/features) at the start, at half time and at the end. Status 123 if something was found; see run.sh for where
# the input is then. Goes on from the inputs that earlier runs kept in build/fuzz/corpus.
set -euo pipefail
cd "$(dirname "$0")/../.."
export all=${1:-62}

# shellcheck source=experiments/lib/system.sh
. experiments/lib/system.sh
experiments/lib/install.sh build fuzz
cmake --preset fuzz -DCMAKE_CXX_COMPILER="clang++-$(clang_version)" >&2
cmake --build --preset fuzz >&2
mkdir -p build/fuzz/{corpus,findings,logs}
ticks=$(getconf CLK_TCK)
export ticks

processor_seconds() {
  awk -v ticks="$ticks" '{ sub(/.*\) /, ""); print int(($12 + $13) / ticks) }' "/proc/$1/stat" 2>/dev/null
}
coverage() { grep -oE 'cov: [0-9]+ ft: [0-9]+' "$1" | "$2" -n 1 | awk '{ print $2 "/" $4 }'; }

fuzz() { # fuzz TARGET SHARE: SHARE of 62 parts of the time
  local name=$1 seconds=$((all * 60 * $2 / 62)) log=build/fuzz/logs/$1.log used=0 most half='' pid status=0 now
  mkdir -p "build/fuzz/corpus/$name"
  case $name in corpus | table) most=1100 ;; *) most=256 ;; esac # zstd's window, as in run.sh
  build/fuzz/tests/fuzz/fuzz_"$name" -timeout=20 -max_len=32768 -rss_limit_mb=2048 -malloc_limit_mb="$most" \
    -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$name-" \
    "build/fuzz/corpus/$name" "tests/fuzz/seeds/$name" >"$log" 2>&1 &
  pid=$!
  while now=$(processor_seconds "$pid") && [ -n "$now" ] && [ "$now" -lt "$seconds" ]; do
    used=$now
    [ -n "$half" ] || [ $((2 * used)) -lt "$seconds" ] || half=$(coverage "$log" tail)
    sleep 1
  done
  [ -z "$now" ] || used=$now
  kill -INT "$pid" 2>/dev/null || true # libFuzzer prints its statistics and exits with 72
  wait "$pid" || status=$?
  local found=nothing
  if [ "$status" != 72 ]; then
    found=$(grep -m1 -E 'ERROR: |runtime error: |broken invariant' "$log" || echo "status $status")
  fi
  printf '%-16s %8s %12s %14s %14s %14s  %s\n' "$name" "$(awk -v s="$used" 'BEGIN { printf "%.1f", s / 60 }')" \
    "$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1)" \
    "$(grep -m1 INITED "$log" | sed -E 's/.*cov: ([0-9]+) ft: ([0-9]+).*/\1\/\2/')" \
    "$half" "$(coverage "$log" tail)" "$found"
  [ "$found" = nothing ]
}

export -f fuzz processor_seconds coverage

printf '%-16s %8s %12s %14s %14s %14s  %s\n' target minutes executions start 'half time' end found
# shellcheck disable=SC2016 # the inner shell expands it
xargs -P "$(nproc)" -L 1 bash -euo pipefail -c 'fuzz "$@"' fuzz <<'TARGETS'
checkpoint 10
tokenizer_json 9
hf_config 8
yaml 8
safetensors 6
table 6
word_piece 5
sealed_file 4
corpus 4
shard_index 2
TARGETS
