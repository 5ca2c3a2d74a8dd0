#!/usr/bin/env bash
# usage: experiments/glue/run.sh [RUNS_FOLDER]
# From text to the GLUE table: a tree model and its dense twin of equal budget pretrained, both fine-tuned, beside the
# majority class and a bag of words. Reads $ESPALIER_DATA/corpus/*.txt.gz and $ESPALIER_DATA/glue; what is finished is
# reused. Prints the table of README.md. About two hours on two cores. Exit status 77 where data or packages
# cannot be had.
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ -z "${ESPALIER_DATA:-}" ]; then
  echo "glue: skipped: ESPALIER_DATA names no data folder (with corpus/*.txt.gz and glue/ in it)"
  exit 77
fi
runs=${1:-runs/glue}
espalier=${ESPALIER:-build/release/espalier}
mkdir -p "$runs"

[ -e "$runs/data/tokens.h5" ] ||
  "$espalier" prepare configs/data/corpus.yaml "text.files=[$ESPALIER_DATA/corpus/*.txt.gz]" \
    tokenizer.vocab_size=8192 out="$runs/data"
pretrain() { # pretrain NAME CONFIG
  if [ -e "$runs/$1-pretraining.json" ]; then return; fi
  "$espalier" pretrain "configs/pretrain/$2.yaml" data="$runs/data" run="$runs/$1" \
    train.batch_size=32 train.budget.tokens=48e6 eval.steps=250 save.steps=250
  "$espalier" evaluate "$runs/$1" --data "$runs/data" --json > "$runs/$1-pretraining.tmp"
  mv "$runs/$1-pretraining.tmp" "$runs/$1-pretraining.json"
}
pretrain tree research-straight-through
pretrain dense research-dense

python=$(experiments/glue/venv.sh) || exit $?
[ -e "$runs/baselines/words/results.json" ] ||
  OMP_NUM_THREADS=1 "$python" experiments/glue/baselines.py "$ESPALIER_DATA/glue" "$runs/baselines" --max-train 20000

glue() { # glue NAME BASELINE [KEY=VALUE...]: fine-tunes, compares with the baseline's folder, keeps the results
  local name=$1 baseline=$2
  shift 2
  "$espalier" glue configs/glue/evidence.yaml model="$runs/$name" run="$runs/$name-glue" \
    glue.dir="$ESPALIER_DATA/glue" glue.baseline="$runs/$baseline" "$@"
  cp "$runs/$name-glue/results.json" "$runs/$name-against-${baseline##*/}.json"
}
# Finished trainings are only compared again.
glue dense baselines/words 'glue.tasks=[sst2, mrpc, qnli, rte]'
glue tree baselines/words
glue tree dense-glue
"$python" experiments/glue/table.py "$runs"
