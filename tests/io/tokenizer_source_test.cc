#include "espalier/io/tokenizer_source.h"

#include <doctest/doctest.h>

#include "espalier/io/json.h"
#include "espalier/io/tokenizer_json.h"
#include "io/tokenizer_class.h"
#include "tests/support/support.h"

namespace espalier::io {

namespace {

using testing::Ids;

const char kVocabulary[] = "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\nb\n##b\nä\n中\nA\n";

text::Tokenizer built(const testing::TempDir& dir) {
  return parse_tokenizer(tokenizer_json_of(dir.path()), "built");
}

std::string error_of_folder(const testing::TempDir& dir) {
  return testing::error_of([&] { built(dir); });
}

}  // namespace

TEST_CASE("vocab.txt alone is BERT's uncased tokenizer, with types") {
  const testing::TempDir dir;
  dir.write("vocab.txt", kVocabulary);
  const text::Tokenizer tokenizer = built(dir);
  CHECK(tokenizer.encode_with_types("Ab ä中").ids == Ids{2, 5, 7, 5, 9, 3});
  CHECK(tokenizer.encode_with_types("a", "b").ids == Ids{2, 5, 3, 6, 3});
  CHECK(tokenizer.encode_with_types("a", "b").type_ids == Ids{0, 0, 0, 1, 1});
  CHECK(tokenizer.encode("a[MASK]") == Ids{5, 4});
  CHECK(tokenizer_json_of(dir / "vocab.txt") == tokenizer_json_of(dir.path()));
}

TEST_CASE("tokenizer_config.json says case, accents, names and added tokens") {
  const testing::TempDir dir;
  dir.write("vocab.txt", kVocabulary);
  dir.write(
      "tokenizer_config.json",
      R"({"do_lower_case": false, "added_tokens_decoder": {"11": {"content": "<x>", "special": true}}})");
  CHECK(built(dir).encode("Aä <x>") == Ids{1, 11});
  CHECK(built(dir).encode("A ä") == Ids{10, 8});
  dir.write("tokenizer_config.json", R"({"strip_accents": false})");
  CHECK(built(dir).encode("A ä") == Ids{5, 8});
  dir.write("vocab.txt", "<pad>\r\n<unk>\r\n<s>\r\n</s>\r\n<mask>\r\na\r\n");
  dir.write("tokenizer_config.json", "{}");
  dir.write(
      "special_tokens_map.json",
      R"({"unk_token": "<unk>", "cls_token": {"content": "<s>"}, "sep_token": "</s>", "pad_token": "<pad>",
                "mask_token": "<mask>"})");
  CHECK(built(dir).encode_with_types("a z").ids == Ids{2, 5, 1, 3});
}

TEST_CASE("a sentence-transformers folder that asks for lower case gets it, whatever pooling it asks for") {
  const testing::TempDir dir;
  dir.write("vocab.txt", kVocabulary);
  dir.write("tokenizer_config.json", R"({"do_lower_case": false})");
  dir.write("sentence_bert_config.json", R"({"do_lower_case": true})");
  CHECK(built(dir).encode("Aä") == Ids{1});
  dir.write("modules.json", R"([{"type": "sentence_transformers.models.CLIP"}])");
  CHECK(built(dir).encode("A ä") == Ids{5, 8});
  // As a tokenizer.json too; a file alone is taken as it is.
  dir.write("tokenizer.json", tokenizer_json_of(dir / "vocab.txt"));
  CHECK(built(dir).encode("A ä") == Ids{5, 8});
  CHECK(tokenizer_json_of(dir / "tokenizer.json") != tokenizer_json_of(dir.path()));
  dir.write("sentence_bert_config.json", R"({"do_lower_case": false})");
  CHECK(built(dir).encode("A ä") == Ids{10, 8});
}

TEST_CASE("BERT's classes read tokenizer.json by the keys of tokenizer_config.json, others as it is") {
  const testing::TempDir dir;
  dir.write("other/vocab.txt", kVocabulary);
  dir.write("other/tokenizer_config.json", R"({"do_lower_case": false})");
  const std::string cased = tokenizer_json_of(dir / "other");
  dir.write("tokenizer.json", cased);
  CHECK(built(dir).encode("A ä") == Ids{10, 8});  // nothing names a class
  dir.write("config.json", R"({"model_type": "bert"})");
  CHECK(built(dir).encode("A ä") == Ids{5, 5});
  CHECK(tokenizer_json_of(dir / "tokenizer.json") == cased);  // a file alone is taken as it is
  dir.write("tokenizer_config.json", R"({"strip_accents": false})");
  CHECK(built(dir).encode("A ä") == Ids{5, 8});
  dir.write("tokenizer_config.json", R"({"do_lower_case": false, "tokenize_chinese_chars": false})");
  CHECK(built(dir).encode("A ä") == Ids{10, 8});
  CHECK(built(dir).encode("a中") == Ids{1});
  dir.write("tokenizer_config.json", R"({"tokenizer_class": "PreTrainedTokenizerFast"})");
  CHECK(tokenizer_json_of(dir.path()) == cased);
  dir.write("tokenizer_config.json", R"({"tokenizer_class": "DistilBertTokenizerFast"})");
  CHECK(built(dir).encode("A") == Ids{5});
  dir.write("tokenizer_config.json", R"({"do_lower_case": "yes"})");
  CHECK(error_of_folder(dir).find("tokenizer_config.json: do_lower_case: ") != std::string::npos);
}

TEST_CASE("what is not followed beside a tokenizer.json is told") {
  const testing::TempDir dir;
  dir.write("other/vocab.txt", kVocabulary);
  const std::string json = tokenizer_json_of(dir / "other");
  const auto notes = [&] {
    std::string all;
    for (const std::string& note : unfollowed_settings(dir.path(), json)) all += note + "\n";
    return all;
  };
  CHECK(notes().empty());
  dir.write("tokenizer_config.json", R"({"truncation_side": "left", "tokenizer_class": "BertTokenizer",
                                         "additional_special_tokens": ["[MASK]", "[ENT]"]})");
  dir.write("added_tokens.json", R"({"[NEW]": 11})");
  CHECK(notes().find("truncation_side: left is not followed") != std::string::npos);
  CHECK(notes().find("are read as other text here: [ENT], [NEW];") != std::string::npos);
  CHECK(notes().find("unlike") == std::string::npos);
  Json document = parse_json(json, "json");
  document["added_tokens"].push_back({{"content", 5}});
  document["post_processor"] = {{"type", 3}};
  document["pre_tokenizer"] = {{"type", "WhitespaceSplit"}};
  const std::vector<std::string> unlike = unfollowed_settings(dir.path(), json_text(document));
  CHECK(unlike.back().find("pre_tokenizer, post_processor unlike BertTokenizer's: read here as it is") !=
        std::string::npos);
}

TEST_CASE("added_tokens.json and additional special tokens, as older versions saved them") {
  const testing::TempDir dir;
  dir.write("vocab.txt", std::string(kVocabulary) + "[E]\n");
  const Ids plain = built(dir).encode("[E]");
  CHECK(plain.size() == 3);  // its letter between brackets
  dir.write("added_tokens.json", R"({"[Ab]": 12})");
  dir.write("special_tokens_map.json", R"({"additional_special_tokens": ["[Ab]", {"content": "[E]"}]})");
  CHECK(built(dir).encode("[E]") == Ids{11});
  CHECK(built(dir).encode("[AB][ab]") == Ids{12, 12});  // normalized
  dir.write("special_tokens_map.json", R"({"additional_special_tokens": ["[F]"]})");
  CHECK(error_of_folder(dir).find("vocab.txt: the special token [F] is not in it") != std::string::npos);
}

TEST_CASE("vocab.txt as editors leave it: a byte-order mark, empty lines at the end, other encodings") {
  const testing::TempDir dir;
  dir.write("vocab.txt", "\xEF\xBB\xBF" + std::string(kVocabulary) + "\n\r\n\n");
  const text::Tokenizer tokenizer = built(dir);
  CHECK(tokenizer.vocabulary_size() == 11);
  CHECK(tokenizer.encode_with_types("a[PAD]").ids == Ids{2, 5, 0, 3});
  dir.write("vocab.txt", std::string(kVocabulary) + "caf\xE9\n");
  CHECK(
      error_of_folder(dir).find("vocab.txt: line 12: bytes that are not UTF-8; if they are Latin-1, convert "
                                "them: iconv -f latin1 -t utf-8") != std::string::npos);
}

TEST_CASE("what cannot be built says why") {
  const testing::TempDir dir;
  dir.write("vocab.txt", "[PAD]\n[UNK]\n");
  CHECK(error_of_folder(dir).find("vocab.txt: the special token [CLS] is not in it") != std::string::npos);
  dir.write("vocab.txt", "[PAD]\n[UNK]\na\n[UNK]\n");
  CHECK(error_of_folder(dir).find("vocab.txt: line 4: the token \"[UNK]\" stands in line 2 too") !=
        std::string::npos);
  dir.write("vocab.txt", kVocabulary);
  dir.write("tokenizer_config.json", R"({"tokenizer_class": "RobertaTokenizer"})");
  CHECK(error_of_folder(dir).find(
            "tokenizer_class: no tokenizer can be built from vocab.txt for RobertaTokenizer") !=
        std::string::npos);
}

TEST_CASE("folders and files without a tokenizer say what one may be") {
  const testing::TempDir dir;
  CHECK(error_of_folder(dir).find(
            "there is no tokenizer in this folder: neither tokenizer.json nor vocab.txt") !=
        std::string::npos);
  CHECK(testing::error_of([&] { tokenizer_json_of(dir / "none"); }).find("no such file or folder") !=
        std::string::npos);
}

}  // namespace espalier::io
