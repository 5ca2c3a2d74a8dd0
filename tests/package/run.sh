#!/usr/bin/env bash
# usage: tests/package/run.sh
# Makes the Debian package and the source archive from build/release, lets lintian read the package, and installs, uses
# and removes it on a minimal machine of this release (installed.sh there). 77 with the reason where that cannot be.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=$PWD/build/release/package

say() { echo "package: $*" >&2; }

[ -e build/release/build.ninja ] || {
  say "build first: cmake --preset release && cmake --build --preset release"
  exit 2
}
command -v dpkg-deb >/dev/null || {
  say "SKIPPED: this is no Debian"
  exit 77
}
experiments/lib/install.sh package
rm -f "$out"/*.deb "$out"/*.tar.xz
(cd build/release && cpack -B "$out" >&2 && cpack --config CPackSourceConfig.cmake -B "$out" >&2)
deb=$(ls "$out"/espalier_*.deb)
ls -l "$deb" "$out"/*.tar.xz
dpkg-deb --field "$deb"

diff <(git ls-files | sed "s,^,espalier/," | sort) \
  <(tar -tf "$out"/espalier-*.tar.xz | grep -v '/$' | sed 's,^[^/]*,espalier,' | sort) ||
  { say "the source archive does not hold the tracked files"; exit 1; }

# Lists what it finds; errors fail.
lintian --fail-on error --allow-root "$deb"

# shellcheck source=/dev/null
release=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
case $release in
  bookworm | trixie) ;;
  *) say "SKIPPED: on a minimal machine, for this release ($release) is neither bookworm nor trixie" && exit 77 ;;
esac
experiments/trust/bare.sh --with "$deb" "$release" tests/package/installed.sh "../$(basename "$deb")"
