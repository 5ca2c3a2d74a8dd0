#!/usr/bin/env bash
# usage: experiments/glue/race.sh [RUNS_FOLDER]
# Fine-tunes the published 1x11 model (16 layers, d 768, random weights) on MRPC, ours against PyTorch: the same first
# weights, batches, padding, optimizer and threads, by turns. Losses of the first steps must agree. Reads
# $ESPALIER_DATA/glue and, for the tokenizer, $ESPALIER_DATA/corpus. About 15 minutes on two cores; prints the table of
# README.md and writes race.json. Exit status 77 where data or packages cannot be had.
# Settings from the environment:
#   ESPALIER       the program (default: build/release/espalier)
#   SPEED_THREADS  threads of both (default: all cores)
#   RACE_PREFIX    a command put before each measured process, e.g. one that waits for a quiet machine
#   RACE_STEPS     steps of PyTorch in each turn (default: 25)
#   RACE_EPOCHS    length of each of our two turns (default: 0.5, which is 115 steps)
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 1 "$@"
cd "$(dirname "$0")/../.."
if [ -z "${ESPALIER_DATA:-}" ]; then
  echo "race: skipped: ESPALIER_DATA names no data folder (with glue/MRPC and corpus/*.txt.gz in it)"
  exit 77
fi
runs=${1:-runs/glue-race}
espalier=${ESPALIER:-build/release/espalier}
venv=$(experiments/lib/venv.sh interop tests/interop/requirements.txt) || exit $?
mkdir -p "$runs"

[ -e "$runs/data/tokens.h5" ] ||
  "$espalier" prepare configs/data/corpus.yaml \
    "text.files=[$ESPALIER_DATA/corpus/masc.txt.gz, $ESPALIER_DATA/corpus/wikinews_en.txt.gz]" \
    tokenizer.vocab_size=32768 out="$runs/data"
# One small step: the weights are as good as random.
[ -e "$runs/model/last.h5" ] ||
  "$espalier" pretrain configs/pretrain/ultrafastbert-1x11.yaml data="$runs/data" run="$runs/model" \
    train.max_steps=1 train.batch_size=4 train.micro_batch=4 train.batch_ramp=0 eval.sequences=4
ESPALIER=$espalier "$venv/bin/python" experiments/glue/race.py "$runs"
