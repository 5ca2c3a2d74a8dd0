#!/usr/bin/env bash
# usage: experiments/speed/plot.sh
# Draws results/*/layer.json and growth.json as SVG beside them, in a throw-away environment with matplotlib. Exit
# status 77 where matplotlib cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=${ESPALIER_CACHE:-$HOME/.cache/espalier}/plot-venv
if ! "$venv/bin/python" -c 'import matplotlib' 2>/dev/null; then
  echo "speed: installing matplotlib into $venv" >&2
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  # shellcheck disable=SC2086  # ESPALIER_PIP_ARGS is a list of words
  if ! { python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet ${ESPALIER_PIP_ARGS:-} matplotlib==3.10.7; } >&2; then
    rm -rf "$venv"
    echo "speed: plot: skipped: matplotlib cannot be had (reason above)" >&2
    exit 77
  fi
fi
exec "$venv/bin/python" "$here/plot.py"
