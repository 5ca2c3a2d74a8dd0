#!/usr/bin/env bash
# usage: experiments/speed/plot.sh
# Draws results/*/layer.json and growth.json as SVG beside them, by an environment with matplotlib. Exit status 77 where
# it cannot be had.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 0 "$@"
here=$(cd "$(dirname "$0")" && pwd)
venv=$("$here/../lib/venv.sh" plot "$here/requirements.txt") || exit $?
exec "$venv/bin/python" "$here/plot.py"
