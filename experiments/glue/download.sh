#!/usr/bin/env bash
# usage: experiments/glue/download.sh DIR
# Fetches the official GLUE archives and lays them out as `espalier glue ... glue.dir=DIR` reads them: one folder a
# task. What is there already is kept. Needs curl, unzip and 1.5 GB; README.md says which parts of this script are
# untested.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 1 1 "$@"
target=$1
for tool in curl unzip sha256sum awk; do
  command -v "$tool" >/dev/null ||
    { echo "download: $tool is missing; install it (Debian: apt-get install $tool)" >&2; exit 1; }
done
mkdir -p "$target"
work=$(mktemp -d "$target/.download.XXXXXX")
trap 'rm -rf "$work"' EXIT

data=${GLUE_DATA_URL:-https://dl.fbaipublicfiles.com/glue/data}
mrpc=${GLUE_MRPC_URL:-https://dl.fbaipublicfiles.com/senteval/senteval_data}

# fetch URL FILE
fetch() {
  curl --fail --location --silent --show-error --retry 3 --output "$2" "$1" || {
    echo "download: $1 could not be fetched. If it has moved, get the archive from https://gluebenchmark.com/tasks," >&2
    echo "download: unpack it into $target, and run this again: what is there is kept." >&2
    return 1
  }
}

# check FILE SHA256: the file is the one that this program was tested with.
check() {
  [ "$(sha256sum "$1" | cut -d' ' -f1)" = "$2" ] || {
    echo "download: $1 is not the file that was expected (sha256 $2): damaged, or a newer edition; not installed" >&2
    return 1
  }
}

# known PATH: the checksum of a file below DIR, if one is known.
known() { awk -v path="$1" '$2 == path { print $1 }' <<'LIST'
54a9c12c77e402fc14d6a66a506f24d999f596b0176eb777c972cccc2f9cc4b0 SST-2/dev.tsv
48eac26399f8456935f81dd9e3a745c1430adb6c62e233ccfe22db4a0d15d1d1 SST-2/train.tsv
cb368ebeb9f27d7ad03720d27ddc95687a311bdb100781a2fe59a5f5b1bc0624 CoLA/train.tsv
ac19409dcb04631eaaa094bdebdcf621086bc352503dfb6a1a648b614986f4fd QNLI/dev.tsv
LIST
}

# rows PATH COUNT: the official number of rows after the header (CoLA's train and dev have none).
rows() {
  local found
  found=$(awk 'NF' "$1" | wc -l)
  [ "$found" -eq "$2" ] || echo "download: warning: $1 has $found lines, $2 were expected" >&2
}

# archive FOLDER ZIP-NAME: one task, installed whole or not at all.
archive() {
  local folder=$1 name=$2 file sum
  [ ! -d "$target/$folder" ] || { echo "download: $target/$folder is there already" >&2; return 0; }
  echo "download: $folder" >&2
  fetch "$data/$name" "$work/$name" || return 1
  unzip -q -o "$work/$name" -d "$work" || { echo "download: $name is not a whole zip file" >&2; return 1; }
  [ -f "$work/$folder/train.tsv" ] || { echo "download: $name holds no $folder/train.tsv" >&2; return 1; }
  for file in train.tsv dev.tsv; do
    sum=$(known "$folder/$file")
    [ -z "$sum" ] || check "$work/$folder/$file" "$sum" || return 1
  done
  mv "$work/$folder" "$target/$folder" || return 1
  rm -f "$work/$name"
}

# MRPC is not packed by GLUE: dev is the rows of the original training file whose pair of ids GLUE lists.
paraphrases() {
  [ ! -d "$target/MRPC" ] || { echo "download: $target/MRPC is there already" >&2; return 0; }
  echo "download: MRPC" >&2
  local folder=$work/MRPC
  mkdir -p "$folder" || return 1
  # Not `set -e` inside a condition: every step says so itself.
  fetch "$mrpc/msr_paraphrase_train.txt" "$work/train.txt" && fetch "$mrpc/msr_paraphrase_test.txt" "$work/test.txt" &&
    fetch "$data/mrpc_dev_ids.tsv" "$work/dev_ids.tsv" &&
    split_paraphrases "$work/train.txt" "$work/test.txt" "$work/dev_ids.tsv" "$folder" && mv "$folder" "$target/MRPC"
}

# split_paraphrases TRAIN TEST DEV_IDS FOLDER
split_paraphrases() {
  awk -F'\t' -v OFS='\t' -v folder="$4" '
    { sub(/\r$/, "") }
    FILENAME == ARGV[1] { dev[$1 "\t" $2] = 1; next }
    FNR == 1 { sub(/^\xef\xbb\xbf/, ""); print > (folder "/train.tsv"); print > (folder "/dev.tsv"); next }
    { print > (folder "/" (($2 "\t" $3) in dev ? "dev.tsv" : "train.tsv")) }
  ' "$3" "$1" || return 1
  awk -F'\t' -v OFS='\t' '
    { sub(/\r$/, "") }
    FNR == 1 { print "index", "#1 ID", "#2 ID", "#1 String", "#2 String"; next }
    { print FNR - 2, $2, $3, $4, $5 }
  ' "$2" >"$4/test.tsv"
}

failed=()
for task in CoLA:CoLA.zip SST-2:SST-2.zip STS-B:STS-B.zip QQP:QQP-clean.zip MNLI:MNLI.zip QNLI:QNLIv2.zip RTE:RTE.zip \
  WNLI:WNLI.zip; do
  archive "${task%%:*}" "${task#*:}" || failed+=("${task%%:*}")
done
paraphrases || failed+=(MRPC)
if [ ! -f "$target/diagnostic/diagnostic.tsv" ]; then
  mkdir -p "$target/diagnostic"
  if fetch "$data/AX.tsv" "$work/AX.tsv"; then
    mv "$work/AX.tsv" "$target/diagnostic/diagnostic.tsv"
  else
    failed+=(AX)
  fi
fi

for file in CoLA/train.tsv:8551 CoLA/dev.tsv:1043 SST-2/train.tsv:67350 SST-2/dev.tsv:873 MRPC/train.tsv:3669 \
  MRPC/dev.tsv:409 STS-B/train.tsv:5750 STS-B/dev.tsv:1501 QNLI/train.tsv:104744 QNLI/dev.tsv:5464 \
  RTE/train.tsv:2491 RTE/dev.tsv:278 WNLI/train.tsv:636 WNLI/dev.tsv:72; do
  [ ! -f "$target/${file%%:*}" ] || rows "$target/${file%%:*}" "${file#*:}"
done
if [ ${#failed[@]} -gt 0 ]; then
  echo "download: missing: ${failed[*]}; espalier glue reports these and goes on without them" >&2
  exit 1
fi
echo "download: GLUE is in $target"
