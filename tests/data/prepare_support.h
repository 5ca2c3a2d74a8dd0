// Texts to prepare, and what became of them.
#pragma once

#include <filesystem>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "espalier/data/prepare.h"
#include "espalier/io/token_store.h"
#include "tests/support/support.h"

namespace espalier::testing {

// 24 English words.
std::span<const char* const> prose_words();

// Documents of sentences of random words of these; sentences get longer from document to document.
std::string prose(int documents, std::uint64_t seed);

// DIR/FILES into DIR/out: sequences of 16 tokens over 120 words, in stored order.
data::PrepareOptions prepare_options(const TempDir& dir, const std::string& files = "*.txt");
std::string error_of_preparing(const data::PrepareOptions& options);

std::vector<Ids> sequences_of(const std::filesystem::path& out, io::Split split);
std::set<std::string> files_in(const std::filesystem::path& folder);

}  // namespace espalier::testing
