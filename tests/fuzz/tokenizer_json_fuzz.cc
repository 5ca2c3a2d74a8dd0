// tokenizer.json: what is accepted encodes and decodes, and reads back as itself.
#include "espalier/base/error.h"
#include "espalier/io/tokenizer_json.h"
#include "tests/fuzz/fuzz_support.h"

using namespace espalier;

void fuzz_one(std::string_view bytes) {
  const text::Tokenizer tokenizer = io::parse_tokenizer(bytes, "tokenizer.json");
  const auto ids =
      tokenizer.encode("The (old) tree, \xc3\xa9t\xc3\xa9; 12.5 \xe4\xb8\xad\xe6\x96\x87 <mask>\t\xff.");
  for (const std::int32_t id : ids) ESPALIER_CHECK(id >= 0 && id < tokenizer.vocabulary_size());
  tokenizer.decode(ids, false);
  const std::string again = io::tokenizer_json(tokenizer.model());
  ESPALIER_CHECK(io::parse_tokenizer(again, "again").encode("The old tree") ==
                 tokenizer.encode("The old tree"));
}
