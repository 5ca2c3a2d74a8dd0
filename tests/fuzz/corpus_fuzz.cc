// Text to prepare: .txt, .jsonl, .csv and .tsv, packed with gzip or zstd or not; bad records stop, or are
// left out.
#include "espalier/data/corpus.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

void fuzz_one(std::string_view input) {
  const testing::Choice choice = testing::choose(input, 9);
  const char* const names[] = {"a.txt", "a.txt.gz", "a.jsonl",   "a.jsonl.gz", "b.ndjson",
                               "b.csv", "b.tsv",    "a.txt.zst", "a.jsonl.zst"};
  data::CorpusOptions options;
  options.max_document_bytes = 1024;
  if (names[choice.variant][0] == 'b') options.on_bad_record = data::OnBadRecord::kSkip;
  data::CorpusReader reader({testing::fuzz_file(names[choice.variant], choice.rest)}, options);
  data::Document document;
  while (reader.next(document)) {
  }
}
