# Wrapped plain text -> a paragraph per line, with the lines of a block joined.
#   from, to   only lines indented by from..to blanks are text; others end the paragraph
#   heads=1    a line that starts in column 0 ends the document (dictionaries), its text is dropped

function indent_of(line) {
  match(line, /^ */)
  return RLENGTH
}

function finish() {
  if (paragraph != "") print paragraph
  paragraph = ""
}

{ gsub(/\t/, "        ") }

heads && /^[^ ]/ { finish(); print ""; next }

/^ *$/ || indent_of($0) < from || indent_of($0) > to { finish(); next }

{
  if (indent_of($0) > indent) finish()   # an indented first line
  indent = indent_of($0)
  sub(/^ +/, "")
  paragraph = paragraph (paragraph == "" ? "" : " ") $0
}

END { finish() }
