#!/usr/bin/env bash
# WordNet's definitions and example sentences (package wordnet-base): "word: gloss; examples."
# Neighbours in the files are near in meaning; 40 of them make a document.
# Dropped: everything before the gloss but the first word, that is offsets, pointers, other synonyms.
set -euo pipefail

for part in noun verb adj adv; do
  LC_ALL=C awk -F ' [|] ' '
    /^[0-9]/ && NF > 1 {
      split($1, field, " ")
      word = field[5]
      gsub(/_/, " ", word)
      sub(/\([a-z]+\)$/, "", word)
      gloss = $2
      sub(/[ ;:]+$/, "", gloss)
      gsub(/; *"/, ". \"", gloss)             # an example follows
      if (gloss !~ /[.!?]"?$/) sub(/"?$/, ".&", gloss)
      print word ": " gloss
      if (++count % 40 == 0) print ""
    }
    END { print "" }' "$1/usr/share/wordnet/data.$part"
done
