#!/usr/bin/env bash
# usage: experiments/soak/table.sh SAMPLES
# The table and the verdict of run.sh from a file of samples:
# milliseconds, resident kB, anonymous kB, threads, file handles.
set -euo pipefail
# shellcheck source=experiments/lib/system.sh
. "$(dirname "$0")/../lib/system.sh"
check_words 1 1 "$@"
exec awk '
  function median(column, from, to,    i, j, n, v, sorted) {
    n = 0
    for (i = 1; i <= rows; ++i) {
      if (at[i] < from || at[i] >= to) continue
      v = value[i, column]
      for (j = n++; j > 0 && sorted[j] > v; --j) sorted[j + 1] = sorted[j]
      sorted[j + 1] = v
    }
    return n == 0 ? "-" : sorted[int((n + 1) / 2)]
  }
  function line(name, from, to) {
    printf "%-14s %12s %12s %8s %8s\n", name, median(2, from, to), median(3, from, to),
      median(4, from, to), median(5, from, to)
  }
  { at[++rows] = $1; for (c = 2; c <= 5; ++c) value[rows, c] = $c }
  END {
    end = at[rows] + 1
    if (rows < 20) { print "soak: only " rows " samples; train for longer"; exit 1 }
    printf "%-14s %12s %12s %8s %8s\n", "minutes", "resident kB", "anonymous kB", "threads", "handles"
    for (t = 0; t < 20; ++t)
      line(sprintf("%.1f to %.1f", t * end / 1200000, (t + 1) * end / 1200000), t * end / 20, (t + 1) * end / 20)
    worst = 0
    for (c = 2; c <= 5; ++c) {
      early[c] = median(c, end / 10, end / 5); late[c] = median(c, end * 9 / 10, end)
      growth = 100 * (late[c] - early[c]) / early[c]
      if (c <= 3 && growth > worst) worst = growth
      if (c >= 4 && growth != 0) failed = 1
    }
    if (worst > 2) failed = 1
    printf "%s: %d samples; from the second tenth to the last: resident %d -> %d kB, anonymous %d -> %d kB, " \
      "threads %d -> %d, handles %d -> %d\n", \
      failed ? "GROWS" : "flat", rows, early[2], late[2], early[3], late[3], early[4], late[4], early[5], late[5]
    exit failed
  }' "$1"
