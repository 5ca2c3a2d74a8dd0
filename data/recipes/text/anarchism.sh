#!/usr/bin/env bash
# An Anarchist FAQ (package anarchism): about 140 long HTML pages of argument and history.
# Dropped: page numbers of citations ("[Mutual Aid, p. 12]") and entries of the contents. Headings and links fall
# to prose.awk.
set -euo pipefail
here=$(dirname "$0")

find "$1/usr/share/doc/anarchism/html" -name '*.html' -print | sort | while read -r page; do
  "$here/html_to_paragraphs.sh" <"$page" |
    sed -E 's/ *\[[^][]*\bpp?\. ?[0-9][^][]*\]//g; /^[A-J]\.[0-9]/d'
  echo
done
