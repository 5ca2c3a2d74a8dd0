#!/usr/bin/env bash
# usage: experiments/speed/plot.sh
# Draws results/*/layer.json and growth.json as SVG beside them, by an environment with matplotlib. Exit status 77 where
# it cannot be had.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
venv=$("$here/../lib/venv.sh" plot "$here/requirements.txt") || exit $?
exec "$venv/bin/python" "$here/plot.py"
