#!/usr/bin/env bash
# usage: experiments/trust/bare.sh [--user] [--folder NAME] [--with FILE] [--keep] RELEASE [COMMAND...]
# Runs COMMAND (default: experiments/quickstart.sh --tiny) as a newcomer would on a minimal Debian RELEASE (bookworm,
# trixie): debootstrap's minbase with git and ca-certificates, a clean clone of the committed HEAD, nothing of this
# machine but its kernel. Ends with COMMAND's status; 77 with the reason where there can be no such machine.
#   --user         as an ordinary user, after root has installed the packages
#   --folder NAME  clone into this folder of the home (default: espalier); try one with a space
#   --with FILE    copy this file beside the clone, where the command finds it as ../NAME
#   --keep         leave the machine's folder behind, and say where it is
# In ${ESPALIER_BARE:-${XDG_CACHE_HOME:-~/.cache}/espalier-bare} are kept: RELEASE.tar, the fresh machine (delete it to
# have a newer one), and RELEASE-debs, the packages it has downloaded. How packages are reached is taken from this
# machine: its Debian mirror, its proxies, and the certificates that it trusts.
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=experiments/lib/system.sh
. experiments/lib/system.sh

usage() {
  sed -n '2s/^# //p' "$0" >&2
  exit 2
}
skip() {
  echo "bare: SKIPPED: $*" >&2
  exit 77
}
say() { echo "bare: $*" >&2; }

user=root folder=espalier with='' keep=''
while [ $# -gt 0 ]; do
  case $1 in
    --user) user=newcomer ;;
    --folder) folder=${2:?a name must follow --folder} && shift ;;
    --with) with=$(realpath -e "${2:?a file must follow --with}") && shift ;;
    --keep) keep=yes ;;
    -*) usage ;;
    *) break ;;
  esac
  shift
done
release=${1:-}
case $release in bookworm | trixie) shift ;; *) usage ;; esac
[ $# -gt 0 ] || set -- experiments/quickstart.sh --tiny
[ -z "$(git status --porcelain)" ] || say "the clone has what is committed, not the changes that lie in this folder"

[ "$(id -u)" -eq 0 ] || skip "making a root needs root"
unshare --mount --pid --fork true 2>/dev/null || skip "unshare cannot make namespaces here"
command -v debootstrap >/dev/null || experiments/lib/install.sh bare ||
  skip "debootstrap is not here and cannot be installed"

cache=${ESPALIER_BARE:-${XDG_CACHE_HOME:-$HOME/.cache}/espalier-bare}
mkdir -p "$cache/$release-debs/partial"
cache=$(cd "$cache" && pwd)
root=$(mktemp -d "$cache/$release.XXXXXX")
# Mounts lie in a namespace that ends with its processes: nothing of this machine is below the folder any more.
# shellcheck disable=SC2317  # called by the trap
clean() {
  if [ -n "$keep" ]; then say "the machine is left in $root"; else rm -rf --one-file-system "$root"; fi
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

make_root() {
  local log
  log=$(mktemp)
  say "making a minimal $release"
  # shellcheck disable=SC2046  # no mirror is no argument: debootstrap knows one
  if ! debootstrap --variant=minbase --include=git,ca-certificates "$release" "$root" $(debian_mirror) \
    >"$log" 2>&1; then
    tail -n 5 "$log" >&2
    rm -f "$log"
    skip "debootstrap cannot make $release (reason above)"
  fi
  rm -f "$log"
  tar -C "$root" -cf "$cache/$release.tar.part" .
  mv "$cache/$release.tar.part" "$cache/$release.tar"
}

if [ -s "$cache/$release.tar" ]; then tar -C "$root" -xpf "$cache/$release.tar"; else make_root; fi
chmod 755 "$root"
apt-config dump | grep -E '^Acquire::(http|https|ftp|Check-|Retries)' >"$root/etc/apt/apt.conf.d/90host" || true
cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
if [ -s /etc/ssl/certs/ca-certificates.crt ]; then cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"; fi

home=/root
if [ "$user" != root ]; then
  home=/home/$user
  chroot "$root" useradd --create-home --shell /bin/bash "$user"
fi
git -c advice.detachedHead=false clone --quiet --no-local --depth 1 . "$root$home/$folder"
[ -z "$with" ] || cp "$with" "$root$home/"
[ "$user" = root ] || chroot "$root" chown -R "$user:" "$home"

# Proxies are how packages are reached; nothing else of the environment goes in.
network=()
for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
  [ -z "${!name:-}" ] || network+=("$name=${!name}")
done

# in_clone USER COMMAND...: COMMAND in the clone, on the machine. Its PID 1 is ours, so that all ends with it.
in_clone() {
  local who=$1 where=$home
  shift
  [ "$who" = "$user" ] || where=/root
  # shellcheck disable=SC2016  # expanded inside
  unshare --mount --pid --fork --kill-child bash -c '
    set -e
    root=$1 debs=$2 who=$3
    shift 3
    mount --make-rprivate /
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount --rbind /sys "$root/sys"
    mount --bind "$debs" "$root/var/cache/apt/archives"
    exec chroot --userspec="$who:$who" "$root" "$@"
  ' _ "$root" "$cache/$release-debs" "$who" \
    env -i HOME="$where" USER="$who" PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin TERM=dumb "${network[@]}" \
    bash -c 'cd "$1" && shift && exec "$@"' _ "$home/$folder" "$@"
}

if [ "$user" != root ]; then
  say "root installs the packages"
  in_clone root experiments/lib/install.sh build mpi quickstart
fi
say "$release, $user, $home/$folder at $(git log -1 --format='%h %s'): $*"
status=0
start=$SECONDS
in_clone "$user" "$@" </dev/null || status=$?
say "$release: status $status after $((SECONDS - start)) s"
exit "$status"
