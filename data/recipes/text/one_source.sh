#!/usr/bin/env bash
# usage: one_source.sh NAME PACKAGE...
# Unpacks Debian packages into a temporary folder, runs NAME.sh on it, cleans what that prints and
# writes data/text/NAME.txt.gz.
set -euo pipefail
export LC_ALL=C.UTF-8
here=$(cd "$(dirname "$0")" && pwd)
name=$1 out=$here/../../text/$1.txt.gz
shift

unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked" "$out.part"' EXIT
for package in "$@"; do
  dpkg-deb -x "$("$here/../debian_package.sh" "$package")" "$unpacked"
done

"$here/$name.sh" "$unpacked" | iconv -c -f UTF-8 -t UTF-8 |
  LC_ALL=C awk -f "$here/prose.awk" | gzip -n9 >"$out.part"
mv "$out.part" "$out"
echo "text: $name converted" >&2
