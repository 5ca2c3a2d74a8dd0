# The filter every source goes through. In: a paragraph per line, a blank line between documents.
# Out: the same, with what is not prose left out. Bytes, not characters (run it with LC_ALL=C), so
# that mawk and gawk agree.
#
# A paragraph stays when it
#   - has 40 bytes and 7 words or more,
#   - ends like a sentence: . ! ? or : and perhaps quotes or brackets,
#   - holds no control characters,
#   - is letters and blanks for at least 80 % of its bytes, with few of the signs that code is
#     made of, and has an ordinary English word in it,
#   - did not come before in the same source.
# Documents are cut at the end of a paragraph after 20,000 bytes.

# Typographic signs -> ASCII, for tokenizers that delete all else: quotes, dashes, dots, blanks.
function plain_signs() {
  if (!/[\300-\377]/) return
  gsub(/\342\200[\230\231]/, "'")
  gsub(/\342\200[\234\235]/, "\"")
  gsub(/ ?\342\200[\223\224] ?/, " - ")
  gsub(/\342\200\246/, "...")
  gsub(/\302\240/, " ")
  gsub(/\302\255/, "")
}

function flush() {
  if (size > 0) printf "%s\n", text
  text = ""
  size = 0
}

function is_prose(line,    words, letters, signs, rest) {
  if (length(line) < 40 || split(line, words, " ") < 7) return 0
  if (line !~ /[.!?:]["')\]]*$/ || line ~ /[\001-\037]/) return 0
  rest = line
  letters = gsub(/[A-Za-z ]/, "", rest)
  if (letters < 0.8 * length(line)) return 0
  signs = gsub(/[][{}<>|=_\\$%@#~^*+\/]/, "", rest)
  if (signs > 0.03 * length(line)) return 0
  return tolower(line) ~ /(^|[^a-z])(the|of|a|an|to|and|in|is|or|with|you|it|for|by|that|i)[^a-z]/
}

{
  plain_signs()
  gsub(/[ \t\r\f\v]+/, " ")
  sub(/^ /, "")
  sub(/ $/, "")
}

$0 == "" { flush(); next }

is_prose($0) && !seen[$0]++ {
  text = text $0 "\n"
  size += length($0) + 1
  if (size >= 20000) flush()
}

END { flush() }
