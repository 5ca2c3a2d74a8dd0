#!/usr/bin/env bash
# The Debian Administrator's Handbook (package debian-handbook), English only.
# Dropped: terminal sessions and file listings (<pre>), tables, navigation bars, the contents page.
set -euo pipefail
here=$(dirname "$0")

find "$1/usr/share/doc/debian-handbook/html/en-US" -maxdepth 1 -name '*.html' ! -name index.html \
  -print | sort | while read -r page; do
  perl -0777 -pe 's/<(pre|table)\b.*?<\/\1>//gs' "$page" | "$here/html_to_paragraphs.sh"
  echo
done
