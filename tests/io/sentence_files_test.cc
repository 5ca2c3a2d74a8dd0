// Files of sentence-transformers: what they say, in the forms of versions 2 to 6, and what is refused.
#include "espalier/io/sentence_files.h"

#include <doctest/doctest.h>

#include "tests/support/support.h"

namespace espalier::io {
namespace {

constexpr const char* kPoolingFile = "1_Pooling/config.json";

Json plain_files() {
  return parse_json(R"({
    "modules.json": [
      {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"},
      {"idx": 1, "name": "1", "path": "1_Pooling",
       "type": "sentence_transformers.sentence_transformer.modules.pooling.Pooling"}],
    "1_Pooling/config.json": {"embedding_dimension": 8, "pooling_mode": "mean", "include_prompt": true}})",
                    "files");
}

std::string error_of_files(const Json& files) {
  return testing::error_of([&] { sentence_options(files, {}, "x"); });
}

void check_error(const char* pointer, const Json& value, const std::string& message) {
  Json files = plain_files();
  files[Json::json_pointer(pointer)] = value;
  const std::string error = error_of_files(files);
  INFO(error);
  CHECK(error.find(message) != std::string::npos);
}

TEST_CASE("the pooling of both generations of files") {
  const auto pooling_of = [](const Json& config) {
    Json files = plain_files();
    files[kPoolingFile] = config;
    return sentence_options(files, {}, "x").pooling;
  };
  CHECK(pooling_of({{"pooling_mode", "cls"}}) == SentencePooling::kFirst);
  CHECK(pooling_of({{"pooling_mode", Json::array({"max"})}}) == SentencePooling::kMax);
  CHECK(pooling_of({{"pooling_mode_mean_sqrt_len_tokens", true}}) == SentencePooling::kMeanSqrtLength);
  CHECK(pooling_of({{"pooling_mode_cls_token", true}, {"pooling_mode_mean_tokens", false}}) ==
        SentencePooling::kFirst);
  CHECK(pooling_of({{"word_embedding_dimension", 8}}) == SentencePooling::kMean);
}

TEST_CASE("the length is the module's, or else the tokenizer's, where it has one") {
  Json files = plain_files();
  CHECK(sentence_options(files, {}, "x").max_length == 0);
  CHECK(sentence_options(files, {{"model_max_length", 256}}, "x").max_length == 256);
  CHECK(sentence_options(files, {{"model_max_length", 1e30}}, "x").max_length == 0);
  files["sentence_bert_config.json"] = {{"max_seq_length", 128}, {"do_lower_case", true}};
  const SentenceOptions options = sentence_options(files, {{"model_max_length", 256}}, "x");
  CHECK(options.max_length == 128);
  CHECK(options.lower_case);
  CHECK(!options.normalize);
}

TEST_CASE("arguments for the tokenizer count where they are followed, others are told") {
  Json files = plain_files();
  files["sentence_bert_config.json"] = parse_json(R"({
    "transformer_task": "feature-extraction", "module_output_name": "token_embeddings",
    "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
    "processor_kwargs": {"model_max_length": 12}, "model_kwargs": {}})",
                                                  "file");
  files["config_sentence_transformers.json"] = {{"truncate_dim", 3}};
  const SentenceOptions options = sentence_options(files, {{"model_max_length", 256}}, "x");
  CHECK(options.max_length == 12);
  CHECK(options.truncate_dim == 3);
  CHECK(unread_encoder_settings(files, "x").empty());
  files["sentence_bert_config.json"]["config_kwargs"] = {{"hidden_act", "relu"}};
  files["sentence_bert_config.json"]["processor_kwargs"]["truncation_side"] = "left";
  const std::vector<std::string> unread = unread_encoder_settings(files, "x");
  REQUIRE(unread.size() == 2);
  CHECK(unread[1].find("x: sentence_bert_config.json: config_kwargs: {\"hidden_act\":") == 0);
  CHECK(unread[0].find("processor_kwargs: ") != std::string::npos);
}

TEST_CASE("chains and settings that are not computed are refused with what to do") {
  check_error("/modules.json/1/type", "sentence_transformers.models.Dense",
              "x: modules.json[1].type: \"sentence_transformers.models.Dense\" is not supported as module 1, "
              "only Transformer, Pooling, Normalize in this order; without modules.json the folder is read "
              "as the encoder alone");
  check_error("/modules.json/0/path", "0_BERT",
              "modules.json[0].path: the encoder lies in a folder of its own");
  check_error("/modules.json/1/path", "../other", "expected the name of a folder beside, found \"../other\"");
  check_error("/modules.json/1/path", "", "modules.json[1].path: expected the folder of its config.json");
  check_error("/1_Pooling~1config.json/pooling_mode", "lasttoken",
              "the pooling \"lasttoken\" is not supported");
  check_error("/1_Pooling~1config.json/pooling_mode", Json::array({"cls", "max"}),
              "several poolings side by side (cls, max)");
  check_error("/1_Pooling~1config.json/include_prompt", false, "include_prompt: false is not supported");
  check_error("/sentence_bert_config.json", {{"max_seq_length", 0}},
              "max_seq_length: expected a whole number");
  check_error("/config_sentence_transformers.json", {{"default_prompt_name", "query"}},
              "default_prompt_name: there is no prompt \"query\"");
  Json files = plain_files();
  files["modules.json"].erase(1);
  CHECK(error_of_files(files).find("the module Pooling is missing") != std::string::npos);
  files = plain_files();
  files.erase(kPoolingFile);
  CHECK(error_of_files(files) ==
        "x: there is no 1_Pooling/config.json, which says what modules.json asks for");
}

TEST_CASE("of a classifier's folder is said what its scores do without") {
  const testing::TempDir dir;
  const auto unread = [&](const Json& config) {
    std::string all;
    for (const std::string& warning : unread_sentence_files(dir.path(), config)) all += warning + "\n";
    return all;
  };
  CHECK(unread(Json::object()).empty());
  const std::string folder = dir.path().string();
  const std::string applied = " is not applied: `classify` gives the number of a model of one label as it is";
  CHECK(unread({{"sentence_transformers", {{"activation_fn", "torch.nn.modules.activation.Sigmoid"}}}})
            .starts_with(folder +
                         "/config.json: sentence_transformers.activation_fn: "
                         "torch.nn.modules.activation.Sigmoid" +
                         applied));
  CHECK(unread({{"sbert_ce_default_activation_function", "torch.nn.modules.linear.Identity"}}).empty());
  dir.write("config_sentence_transformers.json", R"({"activation_fn": "torch.nn.modules.activation.Tanh"})");
  CHECK(unread(Json()).starts_with(folder +
                                   "/config_sentence_transformers.json: activation_fn: "
                                   "torch.nn.modules.activation.Tanh" +
                                   applied));
  std::filesystem::remove(dir / "config_sentence_transformers.json");
  dir.write("modules.json", R"([{"path": "", "type": "a.Transformer"}])");
  CHECK(unread(Json()).empty());
  dir.write("modules.json", R"([{"path": "", "type": "a.Transformer"}, {"path": "1", "type": "a.Pooling"},
                                {"path": "2", "type": "a.Dense"}])");
  CHECK(unread(Json()).starts_with(folder + "/modules.json: not computed: a.Pooling, a.Dense: the model is "
                                            "a classifier"));
}

}  // namespace
}  // namespace espalier::io
