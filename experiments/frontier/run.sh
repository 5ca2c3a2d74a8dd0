#!/usr/bin/env bash
# usage: experiments/frontier/run.sh [--dry-run | --speed] [--jobs N] [--runs FOLDER] [NAME...]
# Which feedforward layer is best at equal processor time: runs what is not yet done of the experiment that README.md
# describes, N trainings at a time (one a core), each with one thread. Reads $ESPALIER_DATA/corpus/*.txt.gz; FOLDER
# (runs/frontier) holds everything, and the same command goes on where it stopped; two may work in one folder at once.
# `touch FOLDER/stop` ends it when the trainings under way are done.
#   NAME       runs whose layer (1x11, dense-256, none), budget (5m, 20m, equal) or whole name matches it; with
#              wildcards. One that is not planned by its whole name: 2x10_20m_lr0.004_s1. All without names.
#   --dry-run  lists the runs that are left, with the minutes that they take
#   --speed    measures the speed of the layers once more, and nothing else; nothing else should run on the machine.
#              Without it the speed of layers that have none is measured first, twice. Of two in one folder one
#              measures at a time; the trainings of the other go on beside it, which slows what is measured.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
runs=runs/frontier
options=() names=()
while [ $# -gt 0 ]; do
  case $1 in
    --dry-run | --speed) options+=("$1") ;;
    --jobs) options+=(--jobs "${2:?a number must follow --jobs}") && shift ;;
    --runs) runs=${2:?a folder must follow --runs} && shift ;;
    --help) usage 0 ;;
    -*) usage 2 ;;
    *) names+=("$1") ;;
  esac
  shift
done
cd "$(dirname "$0")/../.."
trains=yes
[[ " ${options[*]} " =~ " --dry-run "|" --speed " ]] && trains=
if [ -n "$trains" ] && [ ! -e "$runs/data/tokens.h5" ]; then
  if [ -z "${ESPALIER_DATA:-}" ]; then
    echo "frontier: skipped: ESPALIER_DATA names no data folder (with corpus/*.txt.gz in it)"
    exit 77
  fi
  mkdir -p "$runs"
  "${ESPALIER:-build/release/espalier}" prepare configs/data/corpus.yaml \
    "text.files=[$ESPALIER_DATA/corpus/*.txt.gz]" tokenizer.vocab_size=8192 out="$runs/data"
fi
[ -z "$trains" ] || rm -f "$runs/stop"
status=0
python3 experiments/frontier/frontier.py "${options[@]}" "$runs" -- "${names[@]}" || status=$?
if [ -n "$trains" ] && [ -e "$runs/results/runs.jsonl" ]; then
  python3 experiments/frontier/table.py "$runs/results"
  echo "frontier: $runs/results/table.md and, after 5-minute runs, frontier.svg"
fi
exit "$status"
