#!/usr/bin/env bash
# usage: experiments/glue/venv.sh
# Makes the Python environment of baselines.py if it is not there, and prints its interpreter. Exit status 77 where the
# packages cannot be had.
set -euo pipefail
venv=${ESPALIER_CACHE:-$HOME/.cache/espalier}/glue-venv
packages=(numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1)
if [ "$(cat "$venv/installed" 2>/dev/null)" != "${packages[*]}" ]; then
  echo "glue: installing pinned Python packages into $venv" >&2
  rm -rf "$venv"
  mkdir -p "$(dirname "$venv")"
  # shellcheck disable=SC2086  # ESPALIER_PIP_ARGS is a list of words
  if ! { python3 -m venv "$venv" && "$venv/bin/pip" install --quiet ${ESPALIER_PIP_ARGS:-} "${packages[@]}"; } >&2; then
    rm -rf "$venv"
    echo "glue: SKIPPED: the Python packages cannot be had (reason above)" >&2
    exit 77
  fi
  echo "${packages[*]}" > "$venv/installed"
fi
echo "$venv/bin/python"
