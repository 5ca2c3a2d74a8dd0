#!/usr/bin/env bash
# Perl's manual (package perl-doc): tutorials, FAQ and reference, by pod2text.
# Dropped: code (indented paragraphs of the POD), lists of functions and properties, the contents page,
# histories of versions, licences, and pages in other languages.
set -euo pipefail

find "$1/usr/share/perl" -name 'perl*.pod' ! -name '*delta.pod' ! -name perltoc.pod ! -name perlapi.pod \
  ! -name perlintern.pod ! -name perluniprops.pod ! -name perlhist.pod ! -name perlartistic.pod \
  ! -name perlgpl.pod ! -name perlcn.pod ! -name perljp.pod ! -name perlko.pod ! -name perltw.pod \
  -print | sort | while read -r page; do
  # In POD a paragraph that starts with a blank is code.
  LC_ALL=C awk 'BEGIN { RS = ""; ORS = "\n\n" } !/^[ \t]/' "$page" |
    pod2text -u -w 30000 | sed -E '/^ *$/d; s/^ *\* //; s/\*([A-Za-z][^* ]*)\*/\1/g'
  echo
done
