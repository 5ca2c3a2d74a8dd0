# shellcheck shell=bash
# What the findings share; to be sourced. Makes a temporary folder, $work, and goes there.
export LC_ALL=C.UTF-8
# shellcheck source=experiments/lib/system.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../experiments/lib/system.sh"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

skip() {
  echo "$(basename "$0" .sh): SKIPPED: $*" >&2
  exit 77
}

# python_packages FOLDER PACKAGE==VERSION...: into a virtual environment, whose programs are then in FOLDER/bin.
python_packages() {
  local folder=$1
  shift
  if ! { python3 -m venv "$folder" &&
    "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"; } >log 2>&1; then
    tail -n 3 log >&2
    skip "$* cannot be had (reason above)"
  fi
}

# debian_packages RELEASE FOLDER PACKAGE=VERSION...: unpacked into FOLDER; nothing is installed.
debian_packages() {
  local release=$1 folder=$2 mirror package
  shift 2
  mirror=$(debian_mirror)
  [ -n "$mirror" ] || skip "this system has no Debian mirror"
  mkdir -p "$release"/{state/lists/partial,cache/archives/partial,debs} "$folder"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" >"$release/sources.list"
  touch "$release/status"
  local options=(-qq -o "Dir::Etc::SourceList=$work/$release/sources.list" -o Dir::Etc::SourceParts=-
    -o "Dir::State=$work/$release/state" -o "Dir::Cache=$work/$release/cache"
    -o "Dir::State::status=$work/$release/status" -o "APT::Sandbox::User=$(id -un)")
  if ! { apt-get "${options[@]}" update &&
    (cd "$release/debs" && apt-get "${options[@]}" download "$@"); } >log 2>&1; then
    tail -n 3 log >&2
    skip "$* of $release cannot be had (reason above)"
  fi
  for package in "$release"/debs/*.deb; do dpkg-deb -x "$package" "$folder"; done
}

# expect WHAT FILE TEXT: FILE, the output of the tool, has a line with TEXT, seen when this was found.
expect() {
  if ! grep -qF -- "$3" "$2"; then
    echo "CHANGED: $1: expected a line with \"$3\", found:" >&2
    cat "$2" >&2
    exit 1
  fi
  echo "$1: $3"
}
