#!/usr/bin/env bash
# usage: experiments/lib/venv.sh NAME REQUIREMENTS
# Makes a Python environment of the packages that the file REQUIREMENTS pins, if it is not there as that file says, and
# prints its folder, ${ESPALIER_CACHE:-~/.cache/espalier}/NAME-venv. Extra arguments for pip come from ESPALIER_PIP_ARGS,
# such as --extra-index-url with the address of the smaller CPU builds of torch. Scripts that want the same one wait for
# each other. Exit status 77, with the reason, where the packages cannot be had: then there is no environment either.
set -euo pipefail
venv=${ESPALIER_CACHE:-$HOME/.cache/espalier}/$1-venv
requirements=$2
installed=$venv/installed-requirements.txt # written last, removed first: what has it is whole
if ! cmp -s "$requirements" "$installed"; then
  mkdir -p "$(dirname "$venv")"
  exec 9>"$venv.lock"
  flock 9
fi
# Another one may have made it while this one waited.
if ! cmp -s "$requirements" "$installed"; then
  echo "$1: installing pinned Python packages into $venv" >&2
  rm -f "$installed"
  rm -rf "$venv"
  # shellcheck disable=SC2086  # ESPALIER_PIP_ARGS is a list of words
  if ! { python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet ${ESPALIER_PIP_ARGS:-} -r "$requirements"; } >&2; then
    rm -rf "$venv"
    echo "$1: SKIPPED: the Python packages cannot be had (reason above; Debian has python3-venv)" >&2
    exit 77
  fi
  cp "$requirements" "$installed"
fi
echo "$venv"
