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

# usage STATUS: prints the head of this script and ends it. $0 may be relative, so call it before any `cd`.
usage() {
  [ "$1" -eq 0 ] || exec >&2
  sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0"
  exit "$1"
}

# check_words LEAST MOST WORD...: usage where there are fewer or more words, or the first is an option.
check_words() {
  local least=$1 most=$2
  shift 2
  case ${1:-} in
    --help) usage 0 ;;
    -*) usage 2 ;;
  esac
  if [ $# -lt "$least" ] || [ $# -gt "$most" ]; then usage 2; fi
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
