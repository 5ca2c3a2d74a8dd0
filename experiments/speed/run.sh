#!/usr/bin/env bash
# usage: experiments/speed/run.sh [PART...]
#        PART: trees model layer step precision int8 growth threads tokenize plot (default: all; precision, which needs
#        AVX512_BF16 or AMX_BF16, only where it is named)
# Measures the program against PyTorch and against itself, and prints the tables of README.md and TABLES.md. Ours and
# PyTorch take turns, process by process, so that a machine shared with others slows both. Results go to
# results/<isa>-<threads>t/<part>.json beside this file, each case as soon as it is measured; a ratio under half of the
# committed one is warned about. Status 1: the program computed something wrong; 77: data or packages cannot be had.
# Settings from the environment:
#   ESPALIER         the program (default: build/release/espalier)
#   SPEED_THREADS    threads of both (default: all cores)
#   SPEED_ROUNDS     rounds that take turns (default: 3)
#   SPEED_QUICK=1    a small selection, for a first look
#   SPEED_CASES      names of cases of one part, separated by `;` (a wrong name lists them all)
#   SPEED_RESUME=1   leaves out cases that the results have already
#   SPEED_SECONDS    no case begins later than this after the part's beginning: to measure in pieces,
#                    with SPEED_RESUME=1
#   SPEED_TABLES=1   measures nothing: prints the tables of the results that are there (plot only where it is named)
#   SPEED_RESULTS    another folder for the results, e.g. to leave the committed ones alone
#   SPEED_SEQUENCES  sequences of a step (default: 32)
#   SPEED_MEGABYTES, SPEED_VOCABULARY   text and entries of `tokenize` (default: 60, 32768)
#   SPEED_MODEL, SPEED_DATA   what `int8` takes the held-out loss of: a pretraining run or model, its folder of `prepare`
#   SPEED_SST2, SPEED_STSB    models fine-tuned on these tasks, whose scores `int8` takes on $ESPALIER_DATA/glue
#   SPEED_KEEP       a folder where `int8` leaves the model in its peers' formats for the next time: making them takes
#                    minutes. Peers are measured where experiments/bert/run.sh has made their environment.
#   ESPALIER_CACHE   where Python environments are made (default: ~/.cache/espalier; experiments/lib/venv.sh)
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 $# "$@"
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tables=${SPEED_TABLES:-}
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(trees model layer step int8 growth threads tokenize)
[ $# -gt 0 ] || [ "$tables" = 1 ] || parts+=(plot)
for part in "${parts[@]}"; do
  case $part in
    trees | model | layer | step | precision | int8 | growth | threads | tokenize | plot) ;;
    *) echo "speed: no part '$part' (trees model layer step precision int8 growth threads tokenize plot)" >&2; exit 2 ;;
  esac
done
export ESPALIER=${ESPALIER:-$root/build/release/espalier}
[ -x "$ESPALIER" ] || { echo "speed: no program at $ESPALIER; build it first, or name it in ESPALIER" >&2; exit 1; }

skipped=0
for part in "${parts[@]}"; do
  case $part in
    layer | step | precision)
      python=python3
      if [ "$tables" != 1 ]; then
        venv=$("$root/experiments/lib/venv.sh" interop "$root/tests/interop/requirements.txt") || exit $?
        python=$venv/bin/python
      fi
      "$python" "$here/$part.py"
      ;;
    tokenize | plot)
      status=0
      "$here/$part.sh" || status=$?
      [ "$status" -eq 0 ] || [ "$status" -eq 77 ] || exit "$status"
      [ "$status" -eq 0 ] || skipped=77
      ;;
    *) python3 "$here/$part.py" ;;
  esac
done
exit "$skipped"
