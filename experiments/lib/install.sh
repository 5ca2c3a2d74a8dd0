#!/usr/bin/env bash
# usage: experiments/lib/install.sh GROUP...   (build, mpi, quickstart, speed, style, fuzz, bare, browser, package)
# Installs the Debian packages of these groups that are missing, as root or through sudo.
# The one place where the project's packages are listed.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/system.sh"
clang=$(clang_version)

declare -A groups=(
  [build]="g++ cmake ninja-build pkg-config libtbb-dev libdnnl-dev libhwy-dev libhdf5-dev libfmt-dev
    libyaml-cpp-dev libcli11-dev nlohmann-json3-dev libutf8proc-dev zlib1g-dev libzstd-dev libzip-dev
    libxxhash-dev doctest-dev"
  [mpi]="libopenmpi-dev openmpi-bin" # its compiler wrapper draws in gfortran: for several processes alone
  [quickstart]="jq w3m perl python3-pip"
  [speed]="libbenchmark-dev"
  [style]="clang-format-14 shellcheck pyflakes3 git" # the format is that of version 14, which Debian 12 has
  [fuzz]="clang-$clang libclang-rt-$clang-dev"
  [bare]="debootstrap"
  [package]="dpkg-dev file lintian python3-venv" # of Debian, and the wheel
  [browser]="chromium fonts-dejavu-core" # opens reports in tests/interop
)

[ $# -gt 0 ] || { echo "usage: experiments/lib/install.sh GROUP...; there are: ${!groups[*]}" >&2; exit 2; }
wanted=()
for group in "$@"; do
  [ -n "${groups[$group]:-}" ] || { echo "install: no group '$group'; there are: ${!groups[*]}" >&2; exit 2; }
  read -r -d '' -a packages <<<"${groups[$group]}" || true
  wanted+=("${packages[@]}")
done

mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
  <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null |
    sed -n 's/^installed //p' | sort -u))
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=(env)
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "install: these Debian packages are missing, and installing them needs root or sudo: ${missing[*]}" >&2
    echo "install: as root, run: apt-get update && apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  as_root=(sudo env)
fi
echo "install: installing ${missing[*]}" >&2
"${as_root[@]}" apt-get -qq update >&2
"${as_root[@]}" DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >&2
