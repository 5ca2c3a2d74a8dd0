// Other scripts than Latin, and normalized added tokens, against Hugging Face's library
// (tests/golden/README.md).
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "espalier/io/json.h"
#include "espalier/io/tokenizer_json.h"
#include "tests/support/support.h"

namespace espalier::io {

TEST_CASE("BERT's normalizer in five scripts: ids, tokens and decoded text are the library's") {
  const Json golden = read_json(testing::golden_path("tokenizer_scripts.json"));
  std::size_t checked = 0;
  for (const Json& pipeline : golden["pipelines"]) {
    const std::string name = pipeline["name"].get<std::string>();
    CAPTURE(name);
    const text::Tokenizer read = parse_tokenizer(json_text(pipeline["tokenizer"]), name);
    // Written and read again it must stay the same tokenizer.
    const text::Tokenizer again = parse_tokenizer(tokenizer_json(read.model()), name);
    for (const text::Tokenizer& tokenizer : {read, again}) {
      for (const Json& row : pipeline["strings"]) {
        const std::string text = row["text"].get<std::string>();
        CAPTURE(text);
        const std::vector<std::int32_t> ids = tokenizer.encode_with_types(text).ids;
        CHECK(ids == row["ids"].get<std::vector<std::int32_t>>());
        std::vector<std::string> tokens;
        for (const std::int32_t id : ids) tokens.emplace_back(tokenizer.token(id));
        CHECK(tokens == row["tokens"].get<std::vector<std::string>>());
        CHECK(tokenizer.decode(ids, true) == row["decoded"].get<std::string>());
        CHECK(tokenizer.decode(ids, false) == row["decoded_with_special"].get<std::string>());
        ++checked;
      }
    }
  }
  CHECK(checked == 2 * 4 * 20);
}

}  // namespace espalier::io
