# shellcheck shell=bash
# What scripts must know of the system that they run on; to be sourced.

# The version of clang that the project is tested with on this release of Debian.
clang_version() {
  (
    VERSION_ID=
    # shellcheck source=/dev/null
    [ ! -r /etc/os-release ] || . /etc/os-release
    if [ "$VERSION_ID" = 12 ]; then echo 14; else echo 19; fi
  )
}

# The Debian mirror of this machine, if it has one.
debian_mirror() {
  # shellcheck disable=SC2016  # apt's own variables
  apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Identifier: Packages' 2>/dev/null |
    sed -n 's/^Debian //p' | head -n 1
}

# require_writable WHAT: fails where nothing can be written into this checkout.
require_writable() {
  local probe
  if ! probe=$(mktemp -p . .writable.XXXXXX 2>/dev/null); then
    echo "$1: nothing can be written into $PWD, where build/, data/ and runs/ would go. Clone it to where you may" >&2
    echo "$1: write; or build elsewhere, with the packages of experiments/lib/install.sh:" >&2
    echo "$1:   cmake -S '$PWD' -B DIR -G Ninja -DESPALIER_BUILD_TESTS=ON" >&2
    echo "$1:   cmake --build DIR --target all espalier_tests && ctest --test-dir DIR" >&2
    return 1
  fi
  rm -f "$probe"
}
