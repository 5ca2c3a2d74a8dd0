// Splitting lines into fields.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "espalier/data/record_lines.h"

namespace espalier::data {

// Fields between separators, as they stand; `fields` is reused memory.
void split_plain(std::string_view line, char separator, std::vector<std::string>& fields);

// One record of RFC 4180 (with any separator) that begins with `line`; a quoted field that goes on past the
// line end reads more lines. Blanks around the quotes are no text. BadRecord: a quoted field that never ends,
// or something else behind a closing quote.
void split_csv(std::string_view line, char separator, RecordLines& lines, std::vector<std::string>& fields);

// Without blanks and tabs at both ends.
std::string_view trimmed(std::string_view text);

}  // namespace espalier::data
