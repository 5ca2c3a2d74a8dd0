#!/usr/bin/env bash
# usage: experiments/soak/run.sh [MINUTES [CONFIG [KEY=VALUE ...]]]
#        (20 minutes of configs/pretrain/research-straight-through.yaml unless told)
# Trains on the text of $ESPALIER_DATA/corpus with an evaluation and a checkpoint every 50 steps, and samples resident
# and anonymous memory, threads and open file handles from /proc every two seconds. Prints a row for each twentieth of
# the time (medians) and a verdict: the last tenth of the time beside the second tenth. Status 1 if memory grew by more
# than 2 %, or if threads or file handles differ; 77 where ESPALIER_DATA is not set. What was measured before:
# README.md.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 $# "$@"
cd "$(dirname "$0")/../.."
minutes=${1:-20}
config=${2:-configs/pretrain/research-straight-through.yaml}
shift $(($# > 2 ? 2 : $#))
program=${ESPALIER:-build/release/espalier}
if [ ! -d "${ESPALIER_DATA:-/nonexistent}/corpus" ]; then
  echo "soak: SKIPPED: ESPALIER_DATA does not name a folder with corpus/*.txt.gz" >&2
  exit 77
fi

folder=$(mktemp -d "${TMPDIR:-/tmp}/espalier-soak.XXXXXX")
process=
trap '[ -z "$process" ] || kill "$process" 2>/dev/null; rm -rf "$folder"' EXIT
"$program" prepare configs/data/corpus.yaml "text.files=[$ESPALIER_DATA/corpus/*.txt.gz]" out="$folder/data" --quiet >&2

echo "soak: $minutes minutes of $config $*" >&2
"$program" pretrain "$config" data="$folder/data" run="$folder/run" train.budget.tokens=0 \
  train.budget.minutes="$minutes" eval.steps=50 eval.sequences=64 save.steps=50 "$@" >"$folder/out" 2>"$folder/log" &
process=$!
start=$(date +%s%N)
while kill -0 "$process" 2>/dev/null; do
  sample=$(awk '/^VmRSS:/ { rss = $2 } /^RssAnon:/ { anon = $2 } /^Threads:/ { threads = $2 }
    END { if (rss) print rss, anon, threads }' \
    "/proc/$process/status" 2>/dev/null || true)
  handles=$(find "/proc/$process/fd" -mindepth 1 2>/dev/null | wc -l || true)
  [ -z "$sample" ] || [ "$handles" -eq 0 ] ||
    echo "$((($(date +%s%N) - start) / 1000000)) $sample $handles" >>"$folder/samples"
  sleep 2
done
status=0
wait "$process" || status=$?
process=
if [ "$status" -ne 0 ]; then
  tail -n 5 "$folder/log" >&2
  echo "soak: training ended with status $status" >&2
  exit 1
fi
tail -n 1 "$folder/log" >&2
experiments/soak/table.sh "$folder/samples"
