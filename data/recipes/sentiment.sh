#!/usr/bin/env bash
# usage: data/recipes/sentiment.sh
# Makes data/sentiment/{train,dev}.tsv (sentence, label: negative or positive) and {train,dev}_rating.tsv
# (sentence, rating: the mean of 20 people's, from -4 to 4) out of 10,605 sentences of film reviews. They come with the
# source archive of the Python package vaderSentiment 3.3.2 (MIT licence; C.J. Hutto and E. Gilbert, VADER, ICWSM 2014).
# Sentences rated exactly 0 have no label and are left out of the first pair.
set -euo pipefail
export LC_ALL=C.UTF-8
recipes=$(cd "$(dirname "$0")" && pwd)
out=$recipes/../sentiment
cache=${ESPALIER_CACHE:-$HOME/.cache/espalier}/pip
archive=vaderSentiment-3.3.2.tar.gz
sha256=5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9

say() { echo "sentiment: $*" >&2; }
is_right() { echo "$sha256  $cache/$archive" | sha256sum --check --status; }

if [ -s "$out/train.tsv" ] && [ "$out/train.tsv" -nt "$0" ] && [ "$out/train.tsv" -nt "$recipes/split.pl" ]; then
  say "$(realpath "$out") is there already, reused"
  exit 0
fi

mkdir -p "$cache"
if [ ! -f "$cache/$archive" ]; then
  python3 -m pip --quiet --disable-pip-version-check download --no-deps --no-binary :all: --dest "$cache" \
    vaderSentiment==3.3.2 >&2 || { say "$archive cannot be downloaded (message above)"; exit 1; }
fi
if ! is_right; then
  say "$cache/$archive is not the expected file: its SHA-256 is not $sha256. Delete it and try again."
  exit 1
fi

work=$(mktemp -d "$recipes/../sentiment.XXXXXX")
trap 'rm -rf "$work"' EXIT
tar -xzOf "$cache/$archive" vaderSentiment-3.3.2/additional_resources/hutto_ICWSM_2014.tar.gz |
  tar -xzOf - hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt |
  iconv -c -f UTF-8 -t UTF-8 |
  sed -E 's/\r//; s/&amp;/\&/g; s/'"''"'/"/g' >"$work/reviews" # id, rating, sentence

awk -F '\t' -v OFS='\t' '{ print $3, $2 }' "$work/reviews" |
  "$recipes/split.pl" "$work/train_rating.tsv" "$work/dev_rating.tsv" rating
awk -F '\t' -v OFS='\t' '$2 != 0 { print $3, ($2 > 0 ? "positive" : "negative") }' "$work/reviews" |
  "$recipes/split.pl" "$work/train.tsv" "$work/dev.tsv" label

rm "$work/reviews"
rm -rf "$out"
mv "$work" "$out"
chmod 755 "$out"
say "$(($(wc -l <"$out/train.tsv") - 1)) sentences in data/sentiment/train.tsv," \
  "$(($(wc -l <"$out/dev.tsv") - 1)) in dev.tsv"
