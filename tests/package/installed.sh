#!/usr/bin/env bash
# usage: tests/package/installed.sh PACKAGE.deb
# As root on a machine that may be spoiled, without a compiler: installs the package with what it depends on, uses it
# from text to a filled mask, and removes all of it again.
set -euo pipefail
deb=$(realpath "$1")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)

say() { echo "installed: $*" >&2; }
fail() {
  say "FAILED: $*"
  exit 1
}
# All but what packages may leave: their manager's own records, caches, logs, the copies of account files before a change.
files() {
  find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /root -o -path /run -o -path /var/cache \
    -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/log -o -path '/etc/*-' \) -prune -o -print | sort
}
packages() { dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sort; }
quietly() {
  "$@" >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    fail "$*"
  }
}

export DEBIAN_FRONTEND=noninteractive
quietly apt-get update
files >"$work/files"
packages >"$work/packages"
start=$SECONDS
quietly apt-get install -y --no-install-recommends "$deb"
say "installed with $(($(packages | wc -l) - $(wc -l <"$work/packages") - 1)) other packages in $((SECONDS - start)) s"
for compiler in c++ g++ gcc cc clang; do
  if command -v $compiler; then fail "there is a compiler here"; fi
done

espalier --version --verbose | tee "$work/version"
grep -q '^runs with  *.*libdnnl' "$work/version" || fail "--version does not name oneDNN"
zcat /usr/share/man/man1/espalier.1.gz | grep '^.SS espalier pretrain' >/dev/null || fail "the manual page has no pretrain"
for file in copyright changelog.gz configs/pretrain/quickstart-tiny.yaml; do
  [ -s "/usr/share/doc/espalier/$file" ] || fail "no $file"
done
completed=$(bash -c '. /usr/share/bash-completion/completions/espalier
  COMP_WORDS=(espalier pret) COMP_CWORD=1; _espalier; echo "${COMPREPLY[*]}"')
[ "$completed" = pretrain ] || fail "bash completes \"pret\" to \"$completed\""

configs=/usr/share/doc/espalier/configs
cat /usr/share/common-licenses/[AGL]* >"$work/licences.txt"
cd "$work"
espalier prepare $configs/data/corpus.yaml "text.files=[licences.txt]" tokenizer.vocab_size=600 \
  validation_fraction=0.2 out=data
espalier pretrain $configs/pretrain/quickstart.yaml data=data run=run train.budget.tokens=60000 eval.sequences=16
espalier fill-mask run "This program is free <mask>." --top 3
espalier export run hf
[ -s hf/model.safetensors ] || fail "nothing was exported"

cd /
quietly apt-get purge -y espalier
quietly apt-get autoremove --purge -y
files | diff "$work/files" - >"$work/left" || {
  cat "$work/left"
  fail "removing it left other files (above)"
}
packages | diff "$work/packages" - || fail "removing it left other packages (above)"
rm -r "$work"
say "removed; nothing is left"
