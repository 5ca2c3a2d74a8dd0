#!/usr/bin/env bash
# The King James Version (package bible-kjv-text), printed by the program of package bible-kjv.
# Verses are joined up to the end of the sentence; a chapter is a document. Dropped: the verse numbers.
set -euo pipefail

# The program needs libreadline, which a small system may lack: its package is unpacked as well.
library=$(dirname "$(find "$1" -name 'libreadline.so.8' | head -n 1)")
LD_LIBRARY_PATH=$library "$1/usr/bin/bible" -f -p "$1/usr/lib" 'Gen1:1-Rev22:21' </dev/null |
  LC_ALL=C awk '
    function finish() { if (sentence != "") print sentence; sentence = "" }
    {
      chapter = $1
      sub(/:[0-9]+$/, "", chapter)
      if (chapter != last) { finish(); print "" }
      last = chapter
      sub(/^[^ ]+ +/, "")
      sentence = sentence (sentence == "" ? "" : " ") $0
      if (sentence ~ /[.!?]$/) finish()
    }
    END { finish() }'
