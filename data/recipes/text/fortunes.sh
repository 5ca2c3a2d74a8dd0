#!/usr/bin/env bash
# Quotations and short humorous texts (packages fortunes and fortunes-min). A text is a document.
# Dropped: who said it, drawings, verse and song texts, translations, and files about people's origin or sex.
set -euo pipefail

find "$1/usr/share/games/fortunes" -maxdepth 1 -type f ! -name '*.dat' ! -name '*.u8' \
  ! -name ascii-art ! -name songs-poems ! -name translate-me ! -name ethnic ! -name men-women ! -name drugs \
  -print | sort | while read -r file; do
  LC_ALL=C awk '
    function finish() { if (paragraph != "") print paragraph; paragraph = "" }
    /^%/ { finish(); print ""; skip = 0; next }
    /^[ \t]*-- / { skip = 1 }                 # the author, to the end of this text
    skip { next }
    /^$/ || (/^[ \t]/ && paragraph ~ /[.!?:"]$/) { finish() }      # an indented first line
    { sub(/^[ \t]+/, ""); paragraph = paragraph (paragraph == "" ? "" : " ") $0 }
    END { finish(); print "" }' "$file"
done
