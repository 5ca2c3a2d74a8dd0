#!/usr/bin/env bash
# usage: data/recipes/text.sh [SOURCE...]
# Makes data/text/SOURCE.txt.gz, English prose from Debian packages: one paragraph per line, UTF-8, a blank line
# after each document. The packages are fetched into ${ESPALIER_CACHE:-~/.cache/espalier}/debs and unpacked
# into a temporary folder; nothing is installed. What is there is reused. Without arguments: all sources but
# gcide (19 MB of dictionary, of a language too old and terse for a small corpus), and it is an error if they come
# to less than 20 MB. Each text/SOURCE.sh tells what it is and what is left out.
set -euo pipefail
export LC_ALL=C.UTF-8
recipes=$(cd "$(dirname "$0")" && pwd)
out=$recipes/../text

declare -A packages=(
  [anarchism]="anarchism"
  [bible]="bible-kjv bible-kjv-text libreadline8"
  [debian_handbook]="debian-handbook"
  [foldoc]="dict-foldoc"
  [fortunes]="fortunes fortunes-min"
  [gcide]="dict-gcide"
  [jargon]="dict-jargon"
  [perl_doc]="perl-doc"
  [vim_doc]="vim-doc"
  [wordnet]="wordnet-base"
)
mapfile -t all < <(printf '%s\n' "${!packages[@]}" | sort)
sources=("$@")
smallest=1
if [ $# -eq 0 ]; then
  mapfile -t sources < <(printf '%s\n' "${all[@]}" | grep -vx gcide)
  smallest=20000000
fi

say() { echo "text: $*" >&2; }

# fetch SOURCE: its packages into the cache, or failure with a warning.
fetch() {
  local package
  for package in ${packages[$1]}; do
    "$recipes/debian_package.sh" "$package" >/dev/null && continue
    say "warning: package $package cannot be downloaded (message above); $1 is skipped"
    return 1
  done
}

# is_made SOURCE: its text is there and newer than the scripts that make it.
is_made() {
  local text=$out/$1.txt.gz script
  [ -s "$text" ] || return 1
  for script in "$1.sh" one_source.sh prose.awk paragraphs.awk html_to_paragraphs.sh; do
    [ "$recipes/text/$script" -nt "$text" ] && return 1
  done
  return 0
}

mkdir -p "$out"
jobs=()
for source in "${sources[@]}"; do
  [ -n "${packages[$source]:-}" ] || { say "no source '$source'; there are: ${all[*]}"; exit 2; }
  if is_made "$source"; then
    say "$source is there already, reused"
  elif fetch "$source"; then
    jobs+=("$source ${packages[$source]}")
  fi
done
if [ ${#jobs[@]} -gt 0 ]; then
  printf '%s\n' "${jobs[@]}" | xargs -P "$(nproc)" -L 1 "$recipes/text/one_source.sh"
fi

total=0
printf '%-18s %8s %10s\n' source MB documents
for source in "${sources[@]}"; do
  [ -s "$out/$source.txt.gz" ] || continue
  bytes=$(zcat "$out/$source.txt.gz" | wc -c)
  total=$((total + bytes))
  LC_ALL=C awk -v n="$source" -v b="$bytes" -v d="$(zcat "$out/$source.txt.gz" | grep -c '^$')" \
    'BEGIN { printf "%-18s %8.2f %10d\n", n, b / 1e6, d }'
done
LC_ALL=C awk -v b="$total" 'BEGIN { printf "%-18s %8.2f\n", "total", b / 1e6 }'
if [ "$total" -lt "$smallest" ]; then
  say "only $total bytes of text, $smallest are needed: see the warnings above"
  exit 1
fi
