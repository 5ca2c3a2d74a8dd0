#!/usr/bin/env bash
# usage: experiments/speed/tokenize.sh
# Tokenizing against Hugging Face's `tokenizers` on the same real text: $ESPALIER_DATA/corpus/*.txt.gz, at most
# SPEED_MEGABYTES (default 60) of it. Training of SPEED_VOCABULARY (default 32768) entries, encoding with one thread and
# with all, memory, and equal ids on every line. Exit status 77 where ESPALIER_DATA is unset.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 0 0 "$@"
here=$(cd "$(dirname "$0")" && pwd)
python=python3
if [ "${SPEED_TABLES:-}" != 1 ]; then
  if [ -z "${ESPALIER_DATA:-}" ]; then
    echo "speed: tokenize: skipped: ESPALIER_DATA names no data folder (with corpus/*.txt.gz in it)" >&2
    exit 77
  fi
  venv=$("$here/../lib/venv.sh" interop "$here/../../tests/interop/requirements.txt") || exit $?
  python=$venv/bin/python
fi
exec "$python" "$here/tokenize_speed.py"
