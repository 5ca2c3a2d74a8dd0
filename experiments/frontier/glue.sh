#!/usr/bin/env bash
# usage: experiments/frontier/glue.sh RUN OTHER [FOLDER]
# Fine-tunes two finished runs of run.sh (1x9_60m_lr0.004_s1 dense-16_60m_lr0.004_s1) on six tasks of GLUE, as
# configs/glue/evidence.yaml does, and compares them task by task by the paired test. Reads $ESPALIER_DATA/glue; what is
# finished is reused. FOLDER is run.sh's (runs/frontier); leaves results/glue_RUN_against_OTHER.json there.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 2 3 "$@"
cd "$(dirname "$0")/../.."
if [ -z "${ESPALIER_DATA:-}" ]; then
  echo "frontier: skipped: ESPALIER_DATA names no data folder (with glue/ in it)"
  exit 77
fi
command -v jq >/dev/null || { echo "frontier: jq is missing: experiments/lib/install.sh quickstart" >&2; exit 1; }
runs=${3:-runs/frontier}
glue() { # glue RUN [KEY=VALUE...]
  local name=$1
  shift
  "${ESPALIER:-build/release/espalier}" glue configs/glue/evidence.yaml model="$runs/runs/$name/last.h5" \
    run="$runs/glue/$name" glue.dir="$ESPALIER_DATA/glue" 'glue.tasks=[cola, sst2, mrpc, stsb, qnli, rte]' "$@"
}
mkdir -p "$runs/glue"
glue "$2"
glue "$1" glue.baseline="$runs/glue/$2"
# Of every epoch's scores nothing is read later.
jq 'del(.tasks[].runs[].epochs)' "$runs/glue/$1/results.json" >"$runs/results/glue_$1_against_$2.json"
