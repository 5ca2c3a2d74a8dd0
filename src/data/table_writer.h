// Lines of tables as our reader, and others, read them back: the one writer of TSV and CSV.
#pragma once

#include <string>
#include <vector>

#include "espalier/data/file_format.h"

namespace espalier::data {

// Appends the fields as one line of kTsv or kCsv to `text`. InputError: a field with a tab or a line end,
// which TSV cannot hold; `where` names the row.
void append_table_line(TableFormat format, const std::vector<std::string>& fields, const std::string& where,
                       std::string& text);

}  // namespace espalier::data
