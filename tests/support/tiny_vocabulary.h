// Words for the models of tests.
#pragma once

#include <string>
#include <vector>

namespace espalier::testing {

// 40 words: the special tokens, the letters, and seven letters that go on.
std::vector<std::string> tiny_vocabulary();

}  // namespace espalier::testing
