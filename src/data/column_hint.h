// Why a column is not there, and the way out, for messages.
#pragma once

#include <string>
#include <vector>

#include "espalier/data/table_reader.h"

namespace espalier::data {

// The near names first, then what may be the cause; empty if nothing is known. `key` is the setting that
// named the column: task.* (a configuration) or an option of the command line; a semicolon ends it.
std::string missing_column_hint(const std::string& name, const std::string& key,
                                const std::vector<std::string>& columns, TableFormat format,
                                const TableOptions& options);

// Of a line of a .tsv with a wrong number of fields: whether these are quoted as in CSV; empty if not, and
// where nobody can say how the file is read.
std::string quoted_field_hint(const std::vector<std::string>& fields, const TableOptions& options);

}  // namespace espalier::data
