#!/usr/bin/env bash
# Vim's user manual and reference (package vim-doc).
# Dropped: examples and descriptions set in columns (indented by 4 or more), marks of links and anchors,
# the word lists and version histories.
set -euo pipefail
here=$(dirname "$0")

find "$1/usr/share/doc/vim/html" -name '*.html' ! -name 'version[4-9].html' ! -name 'todo.html' -print |
  sort | while read -r page; do
  w3m -dump -T text/html -I UTF-8 -O UTF-8 -cols 1024 "$page" |
    LC_ALL=C awk -v from=0 -v to=3 -f "$here/paragraphs.awk" |
    sed -E 's/\|([^| ]+)\|/\1/g; s/\*[^* ]+\*//g'
  echo
done
