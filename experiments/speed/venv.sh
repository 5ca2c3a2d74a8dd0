#!/usr/bin/env bash
# usage: experiments/speed/venv.sh
# Makes the Python environment of tests/interop (PyTorch and Hugging Face's libraries, pinned) if it is not there, and
# prints its interpreter. Exit status 77 where the packages cannot be had.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
requirements=$root/tests/interop/requirements.txt
venv=${ESPALIER_CACHE:-$HOME/.cache/espalier}/interop-venv
if ! cmp -s "$requirements" "$venv/installed-requirements.txt"; then
  echo "speed: installing pinned Python packages into $venv" >&2
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  # shellcheck disable=SC2086  # ESPALIER_PIP_ARGS is a list of words
  if ! { python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet ${ESPALIER_PIP_ARGS:-} -r "$requirements"; } >&2; then
    rm -rf "$venv"
    echo "speed: SKIPPED: the Python packages cannot be had (reason above)" >&2
    exit 77
  fi
  cp "$requirements" "$venv/installed-requirements.txt"
fi
echo "$venv/bin/python"
