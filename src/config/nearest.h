// Which of the names that exist a misspelt one was meant to be.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace espalier::config {

// Letters to insert, delete or replace to get from one to the other.
std::size_t edit_distance(const std::string& a, const std::string& b);

// Of `words`, the nearest spelling; empty where none is near: a third of the letters may be wrong, and one.
std::string nearest_word(const std::string& unknown, const std::vector<std::string>& words);

// Of `keys`, the one that an unknown key was likely meant to be: that of the same last part (`lr`:
// `train.lr`), of its own group first, or what Hugging Face's Trainer calls so (`learning_rate`), or one of
// its group with the same words (`train.budget.steps`: `train.max_steps`), or the nearest spelling; empty
// where none is near.
std::string nearest_key(const std::string& unknown, const std::vector<std::string>& keys);

// The configuration file whose path is nearest to one that does not exist: by its name first, which must be
// near or go on where that ends, then by its folder. Looked for in that folder, or where it does not exist in
// the one above and the folders there; and in configs/ and its folders. Empty if there is none.
std::filesystem::path nearest_config_file(const std::filesystem::path& missing);

}  // namespace espalier::config
