#!/usr/bin/env bash
# usage: experiments/memory/run.sh [MEGABYTES]      (1000 unless told)
# Prepares a text in which every document holds new random words, so that the word table and the store grow without end
# if nothing bounds them, and prints the highest resident memory. The text is made here, the same each time. Table:
# README.md.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 1 "$@"
megabytes=${1:-1000}
[[ $megabytes =~ ^[1-9][0-9]*$ ]] || usage 2
cd "$(dirname "$0")/../.."
folder=$(mktemp -d "${TMPDIR:-/tmp}/espalier-memory.XXXXXX")
process=
trap '[ -z "$process" ] || ! kill "$process" || wait "$process" || true; rm -rf "$folder"' EXIT

echo "memory: writing $megabytes MB of random words to $folder" >&2
awk -v bytes=$((megabytes * 1000000)) 'BEGIN {
  srand(1)
  split("abcdefghijklmnopqrstuvwxyz", letter, "")
  while (written < bytes) {
    line = ""
    for (word = 0; word < 60; ++word) {
      length_left = 3 + int(rand() * 9)
      while (length_left-- > 0) line = line letter[1 + int(rand() * 26)]
      line = line " "
    }
    print line ".\n"
    written += length(line) + 3
  }
}' >"$folder/words.txt"

"${ESPALIER:-build/release/espalier}" prepare configs/data/corpus.yaml "text.files=[$folder/words.txt]" \
  out="$folder/data" tokenizer.max_words=1000000 sort_memory_mb=64 order=full_stops text.max_token_ratio=9 &
process=$!
peak=0
while kill -0 "$process" 2>/dev/null; do
  now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$process/status" 2>/dev/null || true)
  [ "${now:-0}" -gt "$peak" ] && peak=$now
  sleep 0.2
done
wait "$process"
process=
echo "highest resident memory: $((peak / 1000)) MB for $megabytes MB of text"
