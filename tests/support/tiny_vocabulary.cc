#include "tests/support/tiny_vocabulary.h"

namespace espalier::testing {

std::vector<std::string> tiny_vocabulary() {
  std::vector<std::string> words = {"<pad>", "<s>", "</s>", "<unk>", "<cls>", "<sep>", "<mask>"};
  for (char c = 'a'; c <= 'z'; ++c) words.emplace_back(1, c);
  for (char c = 'a'; words.size() < 40; ++c) words.push_back(std::string("##") + c);
  return words;
}

}  // namespace espalier::testing
