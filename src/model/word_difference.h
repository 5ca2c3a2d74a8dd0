// Whether two tokenizers number the same words alike.
#pragma once

#include <string>

namespace espalier::model {

// Two tokenizer.json, `where` they are from. Empty if each id is the same word in both, or if one of them is
// empty (a model that came without); else the first id that is not, as "word 300 is `tree` in A but `map` in
// B". Only words are compared: JSON of the same tokenizer may be written in many ways.
std::string word_difference(const std::string& a, const std::string& where_a, const std::string& b,
                            const std::string& where_b);

}  // namespace espalier::model
