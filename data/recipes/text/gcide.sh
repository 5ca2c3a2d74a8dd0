#!/usr/bin/env bash
# The Collaborative International Dictionary of English (package dict-gcide): Webster's of 1913, enlarged.
# "Word: definition." Dropped: pronunciation, part of speech, origin, field ("(Bot.)"), synonyms,
# sources, marks of links; accents written in brackets become the plain letter.
set -euo pipefail

zcat "$1/usr/share/dictd/gcide.dict.dz" | LC_ALL=C awk '
  function finish() {
    if (paragraph != "" && paragraph !~ /^(Syn|Note|See|Same as|Hence)[:. ]/) print prefix paragraph
    if (paragraph != "") prefix = ""
    paragraph = ""
  }
  function depth(line,    copy) { copy = line; return gsub(/\[/, "", copy) - gsub(/\]/, "", copy) }
  /^[^ ]/ {                                # a head word; its origin may run over several lines
    finish()
    prefix = $0; sub(/ *\\.*/, "", prefix); prefix = prefix ": "
    open = depth($0)
    next
  }
  open > 0 { open += depth($0); next }
  /^ *$/ || /^ *\[.*\] *[A-Za-z]*$/ { finish(); next }      # [1913 Webster]
  { sub(/^ +/, ""); paragraph = paragraph (paragraph == "" ? "" : " ") $0 }
  END { finish() }' |
  sed -E 's/^([^:]*: )?([0-9]+\. |\([a-z]\) |\([A-Z][A-Za-z. &]*\) ?)+/\1/; s/^: //
          s/\[[^]A-Za-z ]?([a-z]{1,2})[^]A-Za-z ]?\]/\1/g; s/[{}]//g; s/ *\[[^][]*\]//g
          s/ *--[A-Z1-9][A-Za-z0-9.& ()]{0,40}$//; s/ See [^.]*, [anv]\.( [it]\.)?$//; s/  +/ /g
          /\?[^ "]/d; / \? /d; /^Hence,/d'
