// Text to prepare: .txt, .txt.gz, .jsonl and .jsonl.gz.
#include "espalier/data/corpus.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

void fuzz_one(std::string_view input) {
  const testing::Choice choice = testing::choose(input, 4);
  const char* const names[] = {"a.txt", "a.txt.gz", "a.jsonl", "a.jsonl.gz"};
  data::CorpusReader reader({testing::fuzz_file(names[choice.variant], choice.rest)}, {1024});
  data::Document document;
  while (reader.next(document)) {
  }
}
