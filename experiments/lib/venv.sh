#!/usr/bin/env bash
# usage: experiments/lib/venv.sh NAME REQUIREMENTS
# Makes a Python environment of the packages that the file REQUIREMENTS pins, if it is not there as that file says, and
# prints its folder, ${ESPALIER_CACHE:-~/.cache/espalier}/NAME-venv. Extra arguments for pip come from ESPALIER_PIP_ARGS,
# such as --extra-index-url with the address of the smaller CPU builds of torch. Exit status 77, with
# the reason, where the packages cannot be had.
set -euo pipefail
venv=${ESPALIER_CACHE:-$HOME/.cache/espalier}/$1-venv
requirements=$2
if ! cmp -s "$requirements" "$venv/installed-requirements.txt"; then
  echo "$1: installing pinned Python packages into $venv" >&2
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  # shellcheck disable=SC2086  # ESPALIER_PIP_ARGS is a list of words
  if ! { python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet ${ESPALIER_PIP_ARGS:-} -r "$requirements"; } >&2; then
    rm -rf "$venv"
    echo "$1: SKIPPED: the Python packages cannot be had (reason above; Debian has python3-venv)" >&2
    exit 77
  fi
  cp "$requirements" "$venv/installed-requirements.txt"
fi
echo "$venv"
