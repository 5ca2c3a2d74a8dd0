#!/usr/bin/env bash
# usage: debian_package.sh NAME
# Fetches a Debian package into the cache, without installing it and without root, and prints its path.
# Where the system's package lists are missing or too old, lists of our own are fetched into the cache.
set -euo pipefail

cache=${ESPALIER_CACHE:-$HOME/.cache/espalier}
name=$1
mkdir -p "$cache/debs" "$cache/apt/state/lists/partial" "$cache/apt/cache/archives/partial"

# Debian 13 renamed libraries whose times became 64 bits wide: libreadline8 is libreadline8t64 there.
find_package() {
  find "$cache/debs" -maxdepth 1 \( -name "${name}_*.deb" -o -name "${name}t64_*.deb" \) | sort | tail -n 1
}

partial=$(mktemp -d "$cache/debs/partial.XXXXXX")
trap 'rm -rf "$partial"' EXIT
own_lists=(-o "Dir::State=$cache/apt/state" -o "Dir::Cache=$cache/apt/cache" -o Dir::State::status=/var/lib/dpkg/status)

# The sandbox user of apt could not write into the cache of root's home.
download() {
  local known=$name
  [ -n "$(apt-cache "$@" policy "$name" | sed -n '/Candidate: [^(]/p')" ] ||
    [ -z "$(apt-cache "$@" policy "${name}t64")" ] || known=${name}t64
  (cd "$partial" && apt-get -qq -o APT::Sandbox::User=root "$@" download "$known" >&2)
}

if [ -z "$(find_package)" ]; then
  if ! download 2>/dev/null; then
    if [ -z "$(find "$cache/apt/state/lists" -name '*_Packages*' -mmin -60)" ]; then
      apt-get -qq -o APT::Sandbox::User=root "${own_lists[@]}" update >&2
    fi
    download "${own_lists[@]}"
  fi
  mv "$partial"/*.deb "$cache/debs/"
fi
find_package
