# shellcheck shell=bash
# Functions for reports of scripts; to be sourced.

# number FILE FILTER: a finite number out of a JSON file, or an error that names both.
number() {
  jq -er "$2 | numbers | select(isfinite)" "$1" 2>/dev/null || {
    echo "report: $1 has no finite number at $2" >&2
    return 1
  }
}

# wilson SHARE COUNT: the 95 % Wilson interval of a share measured on COUNT examples, in per cent.
wilson() {
  awk -v p="$1" -v n="$2" 'BEGIN {
    z = 1.959964
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    printf "%.1f to %.1f %%", 100 * (middle - half), 100 * (middle + half)
  }'
}

# majority TSV: how often the most frequent label occurs in the last column, and the number of rows: "SHARE ROWS LABEL".
majority() {
  awk -F '\t' 'NR > 1 { count[$NF]++ } END {
    for (label in count)
      if (count[label] > most || (count[label] == most && label < name)) { most = count[label]; name = label }
    printf "%.6f %d %s\n", most / (NR - 1), NR - 1, name
  }' "$1"
}

# clock SECONDS: minutes and seconds.
clock() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }
