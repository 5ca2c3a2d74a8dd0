// Unicode normalization forms (UAX 15).
#pragma once

#include <string>
#include <string_view>

#include "espalier/text/tokenizer_model.h"

namespace espalier::text {

// Writes the form of `text` to `out`. Returns false, with nothing written, if all is ASCII and so unchanged.
bool apply_unicode_form(UnicodeForm form, std::string_view text, std::string& out);

}  // namespace espalier::text
