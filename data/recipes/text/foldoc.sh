#!/usr/bin/env bash
# The Free On-line Dictionary of Computing (package dict-foldoc). An entry is a document.
# Dropped: head words, subject tags, dates, references to the literature, addresses, marks of links,
# code and tables (indented deeper than the text).
set -euo pipefail
here=$(dirname "$0")

zcat "$1/usr/share/dictd/foldoc.dict.dz" |
  LC_ALL=C awk -v from=3 -v to=3 -v heads=1 -f "$here/paragraphs.awk" |
  sed -E 's/^[0-9]+\. //; s/^<[^>]*> *//; s/^\/[^/]+\/ //; s/^\([A-Za-z0-9+\/ -]+\) //
          s/ *\{?\([a-z]+:\/\/[^)]*\)\}?//g; s/[{}]//g; s/  +/ /g
          /^\[.*\]\.?$/d; /^\([0-9-]+\)$/d; /^See (also )?[^.]*\.$/d'
