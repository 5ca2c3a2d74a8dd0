#!/usr/bin/env bash
# usage: experiments/speed/run.sh [PART...]      PART: layer step growth threads tokenize (default: all)
# Measures the program against PyTorch and against itself, and prints the tables of README.md. Ours and PyTorch take turns,
# process by process, so that a machine shared with others slows both. Results go to results/<isa>-<threads>t/<part>.json
# beside this file; a ratio under half of the committed one is warned about. Settings from the environment:
#   ESPALIER        the program (default: build/release/espalier)
#   SPEED_THREADS   threads of both (default: all cores)
#   SPEED_ROUNDS    rounds that take turns (default: 3)
#   SPEED_QUICK=1   a small selection, for a first look
#   SPEED_RESULTS   another folder for the results, e.g. to leave the committed ones alone
#   ESPALIER_CACHE  where the Python environment is made (default: ~/.cache/espalier), with tests/interop/requirements.txt
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export ESPALIER=${ESPALIER:-$root/build/release/espalier}
[ -x "$ESPALIER" ] || { echo "speed: no program at $ESPALIER; build it first, or name it in ESPALIER" >&2; exit 1; }

python=$("$here/venv.sh") || exit $?
parts=("$@")
[ ${#parts[@]} -gt 0 ] || parts=(layer step growth threads tokenize)
for part in "${parts[@]}"; do
  case $part in
    layer | step | growth | threads) "$python" "$here/$part.py" ;;
    tokenize) "$here/tokenize.sh" ;;
    *) echo "speed: no part '$part' (layer step growth threads tokenize)" >&2; exit 2 ;;
  esac
done
"$python" "$here/plot.py"
