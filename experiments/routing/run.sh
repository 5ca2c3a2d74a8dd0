#!/usr/bin/env bash
# usage: experiments/routing/run.sh [RUNS_FOLDER]
# How trees should be trained: straight-through, soft to hard, hard from the start, and dense controls, one model size
# and one seed, held-out loss at the same tokens. Reads $ESPALIER_DATA/corpus/*.txt.gz; finished runs are reused. Prints
# the table of README.md. About 25 minutes on two cores.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 1 "$@"
cd "$(dirname "$0")/../.."
if [ -z "${ESPALIER_DATA:-}" ]; then
  echo "routing: skipped: ESPALIER_DATA names no data folder (with corpus/*.txt.gz in it)"
  exit 77
fi
command -v jq >/dev/null || { echo "routing: jq is missing: experiments/lib/install.sh quickstart" >&2; exit 1; }
runs=${1:-runs/routing}
espalier=${ESPALIER:-build/release/espalier}
mkdir -p "$runs"

"$espalier" prepare configs/data/corpus.yaml "text.files=[$ESPALIER_DATA/corpus/*.txt.gz]" out="$runs/data"

# The committed figures are of this rate.
train() { # train NAME CONFIG [KEY=VALUE...]
  local name=$1 config=configs/pretrain/$2.yaml
  shift 2
  "$espalier" pretrain "$config" data="$runs/data" run="$runs/$name" train.lr=2e-3 "$@"
}

train straight-through research-straight-through
train anneal research-anneal
train hard research-hard
train dense-255 research-dense
# The small controls stop after 2 million tokens of the same schedule.
train dense-8 research-dense arch.ffn.width=8 train.max_steps=976
train none research-dense arch.ffn.width=0 train.max_steps=976

echo
echo "| run | 1 M tokens | 2 M | 3 M | 4 M | 5 M | soft loss at the end | gap |"
echo "|---|---|---|---|---|---|---|---|"
for name in straight-through anneal hard dense-255 dense-8 none; do
  jq -rs --arg name "$name" '
    map(select(.eval_loss)) as $evaluations
    | [range(5) as $i | $evaluations[$i].eval_loss // null | if . then (. * 1000 | round / 1000) else "" end] as $losses
    | ($evaluations[-1] | [.eval_loss_soft, .eval_hardening_gap]
       | map(if . then (. * 1000 | round / 1000) else "" end)) as $soft
    | "| " + ([$name] + $losses + $soft | map(tostring) | join(" | ")) + " |"' "$runs/$name/metrics.jsonl"
done
