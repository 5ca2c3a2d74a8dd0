// The tokenizer of an export: what old and new versions of transformers read alike.
#include <doctest/doctest.h>

#include "espalier/io/hf_model.h"
#include "espalier/io/text_file.h"
#include "espalier/io/tokenizer_json.h"
#include "tests/io/hf_support.h"
#include "tests/support/support.h"

namespace espalier::io {
namespace {

using testing::TempDir;
using namespace hf_testing;

Json golden_tokenizer() {
  return parse_json(testing::read_text(testing::golden_path("tokenizer.json")), "tokenizer.json");
}

// tokenizer_config.json of an export, of a model that came with `found`.
Json exported_config(const Json& found, const Json& tokenizer = golden_tokenizer()) {
  const TempDir dir;
  HfModel model = read_back(testing::small_masked_lm(), dir);
  model.tokenizer_json = json_text(tokenizer);
  model.source.tokenizer_config = found;
  write_hf_model(dir / "out", model);
  return read_json(dir / "out" / "tokenizer_config.json");
}

// The golden tokenizer with another type for a pair's second text.
Json with_types() {
  Json tokenizer = golden_tokenizer();
  for (Json& piece : tokenizer["post_processor"]["pair"]) {
    if (piece.contains("Sequence") && piece["Sequence"]["id"] == "B") piece["Sequence"]["type_id"] = 1;
  }
  return tokenizer;
}

Json truncation() {
  return {{"direction", "Right"}, {"max_length", 128}, {"strategy", "LongestFirst"}, {"stride", 0}};
}

Json padding(const Json& strategy) {
  return {{"strategy", strategy}, {"direction", "Right"}, {"pad_to_multiple_of", nullptr},
          {"pad_id", 0},          {"pad_type_id", 0},     {"pad_token", "<pad>"}};
}

}  // namespace

TEST_CASE("what transformers 5 writes about class and machine is not handed on; the rest stays as it was") {
  const Json found = {{"backend", "tokenizers"},     {"is_local", true},
                      {"local_files_only", true},    {"tokenizer_class", "TokenizersBackend"},
                      {"model_max_length", 77},      {"mask_token", "<mask>"},
                      {"some_key", Json::array({1})}};
  CHECK(exported_config(found) == Json{{"tokenizer_class", "PreTrainedTokenizerFast"},
                                       {"model_max_length", 77},
                                       {"mask_token", "<mask>"},
                                       {"some_key", Json::array({1})}});
}

TEST_CASE("no class that builds a tokenizer of its own, nor Python files that are not there") {
  for (const char* name : {"BertTokenizer", "BertTokenizerFast", "MyTokenizer"}) {
    const Json found = {{"tokenizer_class", name}, {"auto_map", {{"AutoTokenizer", "x.MyTokenizer"}}}};
    CHECK(exported_config(found) ==
          Json{{"tokenizer_class", "PreTrainedTokenizerFast"}, {"model_max_length", 32}});
  }
}

TEST_CASE("types of pairs are named where the tokenizer gives them") {
  const Json all = Json::array({"input_ids", "token_type_ids", "attention_mask"});
  const Json none = Json::array({"input_ids", "attention_mask"});
  CHECK_FALSE(exported_config(nullptr).contains("model_input_names"));
  CHECK(exported_config(nullptr, with_types())["model_input_names"] == all);
  CHECK(exported_config({{"tokenizer_class", "TokenizersBackend"}}, with_types())["model_input_names"] ==
        all);
  // Its models refuse them; and what a folder says itself stays.
  CHECK(exported_config({{"tokenizer_class", "DistilBertTokenizerFast"}},
                        with_types())["model_input_names"] == none);
  CHECK(exported_config({{"model_input_names", none}}, with_types())["model_input_names"] == none);
}

TEST_CASE("truncation and padding of a tokenizer.json do not travel into exports") {
  const TempDir dir;
  HfModel model = read_back(testing::small_masked_lm(), dir);
  const std::string plain = model.tokenizer_json;
  Json document = golden_tokenizer();
  document["truncation"] = truncation();
  document["padding"] = padding({{"Fixed", 128}});
  model.tokenizer_json = json_text(document);
  write_hf_model(dir / "out", model);
  CHECK(read_json(dir / "out" / "tokenizer.json") == golden_tokenizer());
  // Nothing to leave out: not a byte changes.
  CHECK(without_length_sections(plain, "t") == plain);
}

TEST_CASE("the sections of a tokenizer.json are told") {
  const auto told = [](const Json& cut, const Json& fill) {
    return length_sections(json_text({{"truncation", cut}, {"padding", fill}}), "t.json");
  };
  CHECK(told(nullptr, nullptr).empty());
  CHECK(told(truncation(), nullptr) == "truncation to 128 tokens");
  CHECK(told(nullptr, padding("BatchLongest")) == "padding to the longest text of a batch");
  CHECK(told(truncation(), padding({{"Fixed", 64}})) == "truncation to 128 tokens and padding to 64 tokens");
  CHECK(testing::error_of([&] {
          told({{"max_length", "all"}}, nullptr);
        }) == "t.json: truncation.max_length: expected a whole number, found the string \"all\"");
}

}  // namespace espalier::io
