#include "espalier/text/tokenizer.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "tests/support/support.h"
#include "text/post_process.h"

namespace espalier::text {

namespace {

using TokenIds = std::vector<std::int32_t>;

// <pad> <s> </s> <unk> <cls> <sep> <mask> are 0..6.
std::vector<std::string> vocabulary() {
  std::vector<std::string> tokens = crammed_bert_special_tokens();
  for (const char* token : {"the", "tree", "don", "t", "'", ".", "##s", "--", "a", "b", "mask", "<", ">"}) {
    tokens.emplace_back(token);
  }
  return tokens;
}

enum Id { kThe = 7, kTree, kDon, kT, kQuote, kStop, kS, kDashes, kA, kB, kMaskWord, kLess, kGreater };

const Tokenizer& tokenizer() {
  static const Tokenizer instance(crammed_bert_tokenizer(vocabulary()));
  return instance;
}

std::string error_of_model(const std::function<void(TokenizerModel&)>& spoil) {
  TokenizerModel model = crammed_bert_tokenizer(vocabulary());
  spoil(model);
  return testing::error_of([&] { Tokenizer{std::move(model)}; });
}

SpecialToken special(std::int32_t id, const std::string& content) {
  SpecialToken token;
  token.id = id;
  token.content = content;
  return token;
}

}  // namespace

TEST_CASE("encodes through the whole pipeline") {
  CHECK(tokenizer().encode("The  Tr\u00E9\u00E9s --\tDON'T.") ==
        TokenIds{kThe, kTree, kS, kDashes, kDon, kQuote, kT, kStop});
  CHECK(tokenizer().encode("").empty());
  CHECK(tokenizer().encode("\u65E5\u672C").empty());
  CHECK(tokenizer().encode("xyz the") == TokenIds{3, kThe});
  CHECK(tokenizer().encode(std::string(101, 'a')) == TokenIds{3});
  TokenIds ids = {1};
  tokenizer().encode_to("a b", ids);
  CHECK(ids == TokenIds{1, kA, kB});
  CHECK(tokenizer().normalize("The  \u00C9") == "the e");
  CHECK(tokenizer().words("Don't --") == std::vector<std::string>{"don", "'", "t", "--"});
}

TEST_CASE("bytes that are not UTF-8 are read as U+FFFD, which this normalizer deletes") {
  CHECK(tokenizer().encode("a\xFF b \xE2\x82") == TokenIds{kA, kB});
  CHECK(tokenizer().encode(std::string("a\0b", 3)) == TokenIds{kA, 3, kB});
}

TEST_CASE("special tokens are recognised in raw text, before lower case") {
  CHECK(tokenizer().encode("a<mask>b <sep>") == TokenIds{kA, 6, kB, 5});
  CHECK(tokenizer().encode("<<mask>>") == TokenIds{kLess, 6, kGreater});
  CHECK(tokenizer().encode("<MASK>") == TokenIds{kLess, kMaskWord, kGreater});
  CHECK(tokenizer().encode("\xFF<mask>") == TokenIds{6});
}

TEST_CASE("rules of added tokens") {
  const auto ids = [](SpecialToken token, const std::string& text) {
    TokenizerModel model = crammed_bert_tokenizer(vocabulary());
    token.id = static_cast<std::int32_t>(model.vocabulary.size());
    model.special_tokens.push_back(token);
    return Tokenizer(model).encode(text);
  };
  const auto added = static_cast<std::int32_t>(vocabulary().size());
  CHECK(ids(special(0, "tre"), "tre") == TokenIds{added});
  CHECK(ids(special(0, "zz"), "zz a") == TokenIds{added, kA});
  SpecialToken single = special(0, "zz");
  single.single_word = true;
  CHECK(ids(single, "azz") == TokenIds{3});
  CHECK(ids(single, "a zz.") == TokenIds{kA, added, kStop});
  CHECK(ids(single, "\u00E9zz") == TokenIds{3});
  SpecialToken normalized = special(0, "Z\u00C9");
  normalized.normalized = true;
  CHECK(ids(normalized, "aze") == TokenIds{kA, added});
  CHECK(ids(special(0, "Z\u00C9"), "aze") == TokenIds{3});
}

TEST_CASE("lstrip and rstrip swallow white space that is a token's otherwise") {
  TokenizerModel model;
  model.vocabulary = {"<unk>", " ", "a", "[M]"};
  model.continuation_prefix = "";
  model.special_tokens = {special(3, "[M]")};
  model.single.pieces = {{}};
  model.pair.pieces = {{}, {TemplatePiece::Kind::kSequenceB, "", {}, 1}};
  CHECK(Tokenizer(model).encode("a [M] a") == TokenIds{2, 1, 3, 1, 2});
  model.special_tokens[0].lstrip = true;
  CHECK(Tokenizer(model).encode("a [M] a") == TokenIds{2, 3, 1, 2});
  model.special_tokens[0].rstrip = true;
  CHECK(Tokenizer(model).encode("a \u3000[M] \t [M]a") == TokenIds{2, 3, 3, 2});
}

TEST_CASE("templates and their type ids") {
  CHECK(tokenizer().encode_with_types("a").ids == TokenIds{kA, 5});
  CHECK(tokenizer().encode_with_types("a", "b b").ids == TokenIds{4, kA, 5, kB, kB, 5});
  CHECK(tokenizer().encode_with_types("a", "").ids == TokenIds{4, kA, 5, 5});
  TokenizerModel model = crammed_bert_tokenizer(vocabulary());
  model.pair.pieces[3].type_id = 1;
  model.pair.pieces[4].type_id = 2;
  const Encoding encoding = Tokenizer(model).encode_with_types("a a", "b");
  CHECK(encoding.ids == TokenIds{4, kA, kA, 5, kB, 5});
  CHECK(encoding.type_ids == TokenIds{0, 0, 0, 0, 1, 2});
}

TEST_CASE("truncation takes from the longer part first, as Hugging Face's longest_first") {
  CHECK(tokenizer().encode_with_types("a a a a", std::nullopt, 3).ids == TokenIds{kA, kA, 5});
  CHECK(tokenizer().encode_with_types("a a a a", std::nullopt, 9).ids.size() == 5);
  CHECK(tokenizer().encode_with_types("a a a a", "b", 6).ids == TokenIds{4, kA, kA, 5, kB, 5});
  CHECK(tokenizer().encode_with_types("a", "b b b b", 6).ids == TokenIds{4, kA, 5, kB, kB, 5});
  CHECK(tokenizer().encode_with_types("a a a", "b b b", 6).ids == TokenIds{4, kA, 5, kB, kB, 5});
  CHECK(tokenizer().encode_with_types("a a a", "b b", 6).ids == TokenIds{4, kA, kA, 5, kB, 5});
  CHECK(tokenizer().encode_with_types("a", std::nullopt, 1).ids == TokenIds{5});
  CHECK(testing::error_of([] { tokenizer().encode_with_types("a", "b", 2); }) ==
        "tokenizer: a length of 2 has no room for the 3 tokens that the template adds");
}

TEST_CASE("longest_first cuts the longer part until they are even, then both") {
  for (std::size_t a = 0; a < 9; ++a) {
    for (std::size_t b = 0; b < 9; ++b) {
      for (std::size_t room = 0; room < 20; ++room) {
        const auto [left, right] = longest_first(a, b, room);
        CHECK(left + right == std::min(a + b, room));
        CHECK(left <= a);
        CHECK(right <= b);
        // Whatever was cut is not shorter than the other part, but for the odd one.
        if (left < a) CHECK(left + 1 >= right);
        if (right < b) CHECK(right + 1 >= left);
      }
    }
  }
}

TEST_CASE("decoding joins pieces and cleans token by token; clean_up does the rest") {
  const TokenIds ids = {kThe, kTree, kS, kDon, kQuote, kT, 5, kStop};
  CHECK(tokenizer().decode(ids, true) == "the trees don ' t.");
  CHECK(tokenizer().decode(ids, false) == "the trees don ' t <sep>.");
  CHECK(Tokenizer::clean_up("the trees don ' t do not .") == "the trees don't do not.");
  CHECK(Tokenizer::clean_up("i 'm he 's we 've you 're did n't ? ! , a ' b") ==
        "i'm he's we've you're didn't?!, a'b");
  CHECK(tokenizer().decode(TokenIds{kS, kS, -100, 99}, true) ==
        "##ss");  // ids that do not exist are left out
  CHECK(tokenizer().decode(TokenIds{}, true).empty());
  TokenizerModel model = crammed_bert_tokenizer(vocabulary());
  model.decoder->cleanup = false;
  CHECK(Tokenizer(model).decode(TokenIds{kA, kStop, kS}, true) == "a .s");
  model.decoder.reset();
  CHECK(Tokenizer(model).decode(TokenIds{kA, kStop, kS}, true) == "a . ##s");
}

TEST_CASE("tokens, ids and roles") {
  const Tokenizer& t = tokenizer();
  CHECK(t.vocabulary_size() == static_cast<std::int32_t>(vocabulary().size()));
  for (std::int32_t id = 0; id < t.vocabulary_size(); ++id) {
    CHECK(t.find(t.token(id)) == id);
    CHECK(t.is_special(id) == (id < 7));
  }
  CHECK_FALSE(t.find("absent").has_value());
  CHECK_FALSE(t.is_special(-1));
  CHECK_FALSE(t.is_special(1000));
  CHECK(t.pad_id() == 0);
  CHECK(t.unk_id() == 3);
  CHECK(t.sep_id() == 5);
  CHECK(t.mask_id() == 6);
}

TEST_CASE("special tokens may follow the vocabulary, and bracketed names count too") {
  TokenizerModel model;
  model.vocabulary = {"[UNK]", "[CLS]", "a"};
  model.unknown_token = "[UNK]";
  model.special_tokens = {special(4, "[PAD]"), special(3, "[MASK]")};
  model.single.pieces = {{}};
  model.pair.pieces = {{}, {TemplatePiece::Kind::kSequenceB, "", {}, 1}};
  const Tokenizer t(model);
  CHECK(t.vocabulary_size() == 5);
  CHECK(t.pad_id() == 4);
  CHECK(t.mask_id() == 3);
  CHECK(t.token(4) == "[PAD]");
  CHECK(t.encode("[PAD][MASK]a") == TokenIds{4, 3, 2});
  CHECK(testing::error_of([&] { t.sep_id(); }) ==
        "tokenizer: there is no separator token (<sep> or [SEP]) in the vocabulary");
}

TEST_CASE("what is wrong with a model is named") {
  CHECK(error_of_model([](TokenizerModel& m) { m.special_tokens[1].id = 2; }) ==
        "tokenizer: special token \"<s>\" with id 2: the vocabulary has it as 1");
  CHECK(error_of_model([](TokenizerModel& m) { m.special_tokens.push_back(special(99, "<new>")); }) ==
        "tokenizer: special token \"<new>\" with id 99: it is not in the vocabulary, and the next free id is "
        "20");
  CHECK(error_of_model([](TokenizerModel& m) { m.special_tokens.push_back(special(2, "</s>")); }) ==
        "tokenizer: special token \"</s>\" with id 2: the id is given twice");
  CHECK(error_of_model([](TokenizerModel& m) { m.special_tokens[0].content = ""; }) ==
        "tokenizer: special token \"\" with id 0: it is empty");
  CHECK(error_of_model([](TokenizerModel& m) { m.pair.pieces[0].ids = {20}; }) ==
        "tokenizer: the template for pairs inserts <cls> as id 20, but ids end at 19");
  CHECK(error_of_model([](TokenizerModel& m) { m.single.pieces.erase(m.single.pieces.begin()); }) ==
        "tokenizer: the template for single texts must use sequence A, and not B");
  CHECK(error_of_model([](TokenizerModel& m) { m.pair = m.single; }) ==
        "tokenizer: the template for pairs must use the sequences A and B");
  CHECK(testing::error_of([] {
          crammed_bert_tokenizer({"<unk>", "<pad>"});
        }) == "tokenizer: the special token <s> is not in the vocabulary");
}

}  // namespace espalier::text
