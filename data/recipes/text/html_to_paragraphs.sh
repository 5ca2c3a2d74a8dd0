#!/usr/bin/env bash
# HTML on stdin -> a paragraph per line on stdout, no blank lines, bullets removed.
# w3m breaks lines at 1024 columns whatever it is asked for; the pieces are joined again here.
set -euo pipefail

w3m -dump -T text/html -I UTF-8 -O UTF-8 -cols 1024 | LC_ALL=C awk '
  { sub(/^ *(\342\200\242|\342\226\241|[0-9]+\.) /, "") }   # bullets: U+2022, U+25A1, 1.
  /^ *$/ { if (started) print ""; started = 0; next }
  {
    sub(/^ +/, "")
    printf "%s%s", (started ? " " : ""), $0
    started = length($0) > 900
    if (!started) print ""
  }
  END { if (started) print "" }'
