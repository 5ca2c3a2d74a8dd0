#!/usr/bin/env bash
# The Jargon File (package dict-jargon). An entry is a document.
# Dropped: head words, pronunciations, origins in brackets, marks of links, tables.
set -euo pipefail
here=$(dirname "$0")

zcat "$1/usr/share/dictd/jargon.dict.dz" |
  LC_ALL=C awk -v from=4 -v to=4 -v heads=1 -f "$here/paragraphs.awk" |
  sed -E 's/^n\. //; s/^[0-9]+\. //; s/^\[[^]]*\] //; s/\{ ?([^}]*)\}/\1/g'
