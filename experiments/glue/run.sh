#!/usr/bin/env bash
# usage: experiments/glue/run.sh [RUNS_FOLDER]
# From text to the GLUE table: a tree model and its dense twin of equal budget pretrained, both fine-tuned, beside the
# majority class and a bag of words. Reads $ESPALIER_DATA/corpus/*.txt.gz and $ESPALIER_DATA/glue; what is finished is
# reused. Prints the tables of README.md from RUNS_FOLDER/results (runs/glue), whose files are those of results/ here.
# About two hours on two cores. Exit status 77 where data or packages cannot be had.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 1 "$@"
cd "$(dirname "$0")/../.."
if [ -z "${ESPALIER_DATA:-}" ]; then
  echo "glue: skipped: ESPALIER_DATA names no data folder (with corpus/*.txt.gz and glue/ in it)"
  exit 77
fi
command -v jq >/dev/null || { echo "glue: jq is missing: experiments/lib/install.sh quickstart" >&2; exit 1; }
runs=${1:-runs/glue}
results=$runs/results
espalier=${ESPALIER:-build/release/espalier}
mkdir -p "$results"

[ -e "$runs/data/tokens.h5" ] ||
  "$espalier" prepare configs/data/corpus.yaml "text.files=[$ESPALIER_DATA/corpus/*.txt.gz]" \
    tokenizer.vocab_size=8192 out="$runs/data"
# The committed figures are of this rate.
pretrain() { # pretrain NAME CONFIG
  if [ -e "$results/$1-pretraining.json" ]; then return; fi
  "$espalier" pretrain "configs/pretrain/$2.yaml" data="$runs/data" run="$runs/$1" \
    train.lr=2e-3 train.batch_size=32 train.budget.tokens=48e6 eval.steps=250 save.steps=250
  "$espalier" evaluate "$runs/$1" --data "$runs/data" --json >"$runs/$1-pretraining.tmp"
  mv "$runs/$1-pretraining.tmp" "$results/$1-pretraining.json"
}
pretrain tree research-straight-through
pretrain dense research-dense

venv=$(experiments/lib/venv.sh glue experiments/glue/requirements.txt) || exit $?
[ -e "$runs/baselines/words/results.json" ] ||
  OMP_NUM_THREADS=1 "$venv/bin/python" experiments/glue/baselines.py "$ESPALIER_DATA/glue" "$runs/baselines" \
    --max-train 20000
for baseline in words majority; do cp "$runs/baselines/$baseline/results.json" "$results/$baseline.json"; done

glue() { # glue NAME BASELINE FILTER [KEY=VALUE...]: fine-tunes, compares with the baseline, keeps what jq takes
  local name=$1 baseline=$2 filter=$3
  shift 3
  "$espalier" glue configs/glue/evidence.yaml model="$runs/$name" run="$runs/$name-glue" \
    glue.dir="$ESPALIER_DATA/glue" glue.baseline="$runs/$baseline" "$@"
  jq "$filter" "$runs/$name-glue/results.json" >"$results/$name-against-${baseline##*/}.json"
}
# Finished trainings are only compared again.
without_epochs='del(.tasks[].runs[].epochs)'
glue dense baselines/words "$without_epochs" 'glue.tasks=[sst2, mrpc, qnli, rte]'
glue tree baselines/words "$without_epochs"
glue tree dense-glue .baseline
python3 experiments/glue/table.py "$results"
