#include "espalier/model/loaded_model.h"

#include <doctest/doctest.h>

#include "espalier/base/error.h"
#include "espalier/io/hf_model.h"
#include "espalier/model/exchange.h"
#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::model {
namespace {

using testing::error_of;
using testing::TempDir;

nn::EncoderOptions tiny() {
  nn::EncoderOptions arch;
  arch.layers = 2;
  arch.hidden_size = 8;
  arch.attention.heads = 2;
  arch.embedding.vocab_size = 450;
  arch.embedding.max_positions = 32;
  arch.ffn.trees = 2;
  arch.ffn.depth = 2;
  return arch;
}

std::string tokenizer_json() {
  return testing::read_text(testing::golden_path("tokenizer.json"));
}

void fill(nn::Module& module) {
  nn::initialize(module, 0.3, 5);
}

std::uint64_t checksum_of(const nn::Module& module) {
  std::vector<io::NamedTensor> tensors;
  for (const nn::NamedParameter& parameter : module.parameters()) {
    tensors.push_back({parameter.name, parameter.value.value()});
  }
  return io::weights_checksum(tensors);
}

TEST_CASE("a masked LM comes back from its checkpoint with everything that is known of it") {
  const TempDir dir;
  nn::EncoderOptions arch = tiny();
  arch.attention.rotary = true;
  arch.norm_eps = 1e-7;
  nn::MaskedLm model(arch);
  fill(model);
  RoutingProvenance routing{"anneal", 0.25, false, true, 0.125};
  io::Checkpoint checkpoint = model_checkpoint(model, routing, tokenizer_json());
  checkpoint.config_yaml = "seed: 1\n";
  CHECK(checkpoint.kind == "pretrain");
  std::filesystem::create_directories(dir / "run");
  io::save_checkpoint(dir / "run" / "last.h5", checkpoint);

  for (const auto& path : {dir / "run", dir / "run" / "last.h5"}) {
    LoadedModel loaded = load_model(path);
    REQUIRE(loaded.lm);
    CHECK_FALSE(loaded.classifier);
    CHECK(checksum_of(loaded.module()) == checksum_of(model));
    CHECK(loaded.arch.attention.rotary);
    CHECK(loaded.arch.norm_eps == 1e-7);
    CHECK(loaded.arch.ffn.trees == 2);
    CHECK(loaded.routing.mode == "anneal");
    CHECK(loaded.routing.temperature == 0.25);
    CHECK_FALSE(loaded.routing.finished);
    CHECK(loaded.routing.trained_softly);
    CHECK(loaded.routing.hardening_gap == 0.125);
    CHECK(loaded.config_yaml == "seed: 1\n");
    CHECK(loaded.clean_up_spaces);
    CHECK(loaded.require_tokenizer().vocabulary_size() == 450);
    CHECK(loaded.metadata["program"]["version"] == "0.1.0");
    CHECK_FALSE(loaded.metadata["program"]["isa"].get<std::string>().empty());
    CHECK(error_of([&] {
            loaded.require_classifier();
          }).find("is a masked LM, which has no classification head") != std::string::npos);
  }
}

TEST_CASE("a mode of routing that no training has is refused") {
  const TempDir dir;
  nn::MaskedLm model(tiny());
  RoutingProvenance routing;
  routing.mode = "zzz";
  io::save_checkpoint(dir / "model.h5", model_checkpoint(model, routing, ""));
  const std::string message = error_of([&] { load_model(dir / "model.h5"); });
  INFO(message);
  CHECK(message.find("mode: expected one of hard, soft, anneal, straight_through, frozen, found \"zzz\"") !=
        std::string::npos);
}

TEST_CASE("a classifier comes back with head and labels") {
  const TempDir dir;
  nn::ClassifierOptions head;
  head.pooler = nn::Pooler::kAverage;
  head.head_dim = 5;
  head.labels = 3;
  head.dropout = 0.25;
  nn::SequenceClassifier model(tiny(), head);
  fill(model);
  io::save_checkpoint(dir / "a.h5", model_checkpoint(model, {{"bad", "fair", "good"}, false}, {}, ""));
  LoadedModel loaded = load_model(dir / "a.h5");
  REQUIRE(loaded.classifier);
  CHECK(checksum_of(loaded.module()) == checksum_of(model));
  CHECK(loaded.classifier->head_options().pooler == nn::Pooler::kAverage);
  CHECK(loaded.classifier->head_options().dropout == 0.25);
  CHECK(loaded.labels.labels == std::vector<std::string>{"bad", "fair", "good"});
  CHECK_FALSE(loaded.labels.regression);
  CHECK(error_of([&] { loaded.require_lm(); }).find("is a classifier, which has no masked-LM head") !=
        std::string::npos);
  CHECK(error_of([&] { loaded.require_tokenizer(); }).find("came without a tokenizer.json") !=
        std::string::npos);

  // Its encoder in another model.
  nn::Encoder encoder(tiny());
  copy_encoder(loaded, encoder);
  CHECK(checksum_of(encoder) == checksum_of(loaded.encoder()));
  nn::EncoderOptions deeper = tiny();
  deeper.ffn.depth = 3;
  nn::Encoder other(deeper);
  CHECK(error_of([&] {
          copy_encoder(loaded, other);
        }).find("`layers.0.ffn.linear_in.weight` must be [30,8]") != std::string::npos);
}

TEST_CASE("a Hugging Face folder is a model like any other") {
  const TempDir dir;
  testing::small_masked_lm().write(dir / "hf");
  LoadedModel direct = load_model(dir / "hf");
  const ImportSummary summary = import_model(dir / "hf", dir / "hf.h5");
  CHECK(summary.warnings.empty());
  LoadedModel imported = load_model(dir / "hf.h5");
  CHECK(checksum_of(direct.module()) == checksum_of(imported.module()));
  CHECK(io::list_checkpoint(dir / "hf.h5").weights_checksum == checksum_of(direct.module()));
  CHECK(imported.clean_up_spaces);
  CHECK(imported.metadata["source"]["config"]["model_type"] == "crammedBERT");
}

TEST_CASE("what a folder says of its trees' training comes with it; nonsense is refused by name") {
  const TempDir dir;
  testing::small_masked_lm().write(dir / "hf");
  CHECK(load_model(dir / "hf").routing.temperature == 1.0);
  CHECK(load_model(dir / "hf").routing.mode == "hard");
  io::HfModel model = io::read_hf_model(dir / "hf");
  model.own["routing"] = {{"mode", "anneal"},
                          {"temperature", 0.25},
                          {"finished", false},
                          {"trained_softly", true},
                          {"hardening_gap", 0.5}};
  io::write_hf_model(dir / "own", model);
  import_model(dir / "own", dir / "own.h5");
  for (const char* source : {"own", "own.h5"}) {
    const RoutingProvenance routing = load_model(dir / source).routing;
    CHECK(routing.mode == "anneal");
    CHECK(routing.temperature == 0.25);
    CHECK_FALSE(routing.finished);
    CHECK(routing.trained_softly);
    CHECK(routing.hardening_gap == 0.5);
  }
  model.own["routing"]["temperature"] = 0;
  io::write_hf_model(dir / "own", model);
  CHECK(error_of([&] { load_model(dir / "own"); }).find("routing.temperature: expected a number above 0") !=
        std::string::npos);
  model.own["routing"].erase("mode");
  io::write_hf_model(dir / "own", model);
  CHECK(error_of([&] { load_model(dir / "own"); }).find("mode") != std::string::npos);
}

TEST_CASE("a mixture exported as hard trees may be exported again, and keeps its temperature") {
  const TempDir dir;
  nn::MaskedLm model(tiny());
  fill(model);
  io::save_checkpoint(dir / "soft.h5",
                      model_checkpoint(model, {"soft", 0.5, true, true, std::nullopt}, tokenizer_json()));
  ExportOptions harden;
  harden.harden = true;
  export_model(dir / "soft.h5", dir / "a", harden);
  export_model(dir / "a", dir / "b");
  CHECK(load_model(dir / "b").routing.mode == "hard");
  CHECK(load_model(dir / "b").routing.temperature == 0.5);
  CHECK(load_model(dir / "b").routing.trained_softly);
}

TEST_CASE("paths that are no model say what one is") {
  const TempDir dir;
  CHECK(error_of([&] {
          load_model(dir / "none");
        }).find("no such file or folder; MODEL is a checkpoint .h5, a run") != std::string::npos);
  std::filesystem::create_directories(dir / "empty");
  CHECK(error_of([&] { load_model(dir / "empty"); }).find("neither last.h5 (a run folder) nor config.json") !=
        std::string::npos);
  CHECK(error_of([&] {
          load_model(dir.write("model.safetensors", "x"));
        }).find("give the folder that it lies in") != std::string::npos);
  CHECK(error_of([&] { load_model(dir.write("text.h5", "hello")); }).find("text.h5") != std::string::npos);
}

// Changes a checkpoint before it is saved and gives the error of loading it.
template <class Change>
std::string error_after(const Change& change) {
  const TempDir dir;
  nn::MaskedLm model(tiny());
  fill(model);
  io::Checkpoint checkpoint = model_checkpoint(model, {}, tokenizer_json());
  change(checkpoint);
  io::save_checkpoint(dir / "a.h5", checkpoint);
  return error_of([&] { load_model(dir / "a.h5"); });
}

TEST_CASE("checkpoints whose parts do not fit each other") {
  std::string error = error_after([](io::Checkpoint& c) { c.model.pop_back(); });
  CHECK(error.find("a.h5: tensor `encoder.final_norm.bias` [8] is missing") != std::string::npos);
  error = error_after([](io::Checkpoint& c) { c.model[0].value = Tensor::zeros({449, 8}); });
  CHECK(
      error.find(
          "`encoder.embedding.word_embedding.weight` must be [450,8] for this architecture, found [449,8]") !=
      std::string::npos);
  error = error_after([](io::Checkpoint& c) { c.model.push_back({"spare", Tensor::zeros({1})}); });
  CHECK(error.find("tensor `spare` [1] does not belong to this architecture (2x2)") != std::string::npos);
  error = error_after([](io::Checkpoint& c) { c.metadata.erase("arch"); });
  CHECK(error.find("a.h5: metadata: the key \"arch\" is missing") != std::string::npos);
  error = error_after([](io::Checkpoint& c) { c.metadata.erase("routing"); });
  CHECK(error.find("a.h5: metadata: the key \"routing\" is missing") != std::string::npos);
  error = error_after([](io::Checkpoint& c) { c.metadata["arch"]["arch.layers"] = "many"; });
  CHECK(error.find("arch.layers") != std::string::npos);
  CHECK(error.find("many") != std::string::npos);
  error = error_after(
      [](io::Checkpoint& c) { c.metadata["arch"]["arch.embedding.max_positions"] = "2000000000"; });
  CHECK(error.find("max_positions: 2000000000 is more than") != std::string::npos);
  error = error_after([](io::Checkpoint& c) { c.tokenizer_json = "{"; });
  CHECK(error.find("a.h5: tokenizer.json: line 1") != std::string::npos);
  error = error_after([](io::Checkpoint& c) { c.metadata["classifier"] = {{"pooler", "max"}}; });
  CHECK(error.find("metadata: classifier.pooler: expected \"first\" or \"average\", found \"max\"") !=
        std::string::npos);
  error = error_after([](io::Checkpoint& c) { c.metadata["classifier"] = {{"pooler", "first"}}; });
  CHECK(error.find("metadata: classifier: the key \"activation\" is missing") != std::string::npos);
}

TEST_CASE("a tokenizer with more words than the model is refused") {
  const TempDir dir;
  nn::EncoderOptions arch = tiny();
  arch.embedding.vocab_size = 400;
  nn::MaskedLm model(arch);
  io::save_checkpoint(dir / "a.h5", model_checkpoint(model, {}, tokenizer_json()));
  CHECK(error_of([&] {
          load_model(dir / "a.h5");
        }).find("the tokenizer has 450 tokens, but the model's embedding only 400 rows") !=
        std::string::npos);
}

TEST_CASE("load_weights copies by name and names what does not fit") {
  nn::MaskedLm from(tiny());
  fill(from);
  const io::Checkpoint checkpoint = model_checkpoint(from, {}, "");
  nn::MaskedLm to(tiny());
  load_weights(to, checkpoint.model, "a.h5");
  CHECK(checksum_of(to) == checksum_of(from));
  std::vector<io::NamedTensor> tensors = checkpoint.model;
  tensors.push_back({"spare", Tensor::zeros({1})});
  CHECK(error_of([&] { load_weights(to, tensors, "a.h5"); }) ==
        "a.h5: tensor `spare` [1] does not belong to this architecture");
  tensors = {checkpoint.model.begin() + 1, checkpoint.model.end()};
  CHECK(error_of([&] { load_weights(to, tensors, "a.h5"); }) ==
        "a.h5: tensor `encoder.embedding.word_embedding.weight` [450,8] is missing");
}

TEST_CASE("a mixture stays one, unless it is told to be hard, and the original's layout refuses it") {
  const TempDir dir;
  nn::MaskedLm model(tiny());
  fill(model);
  io::save_checkpoint(dir / "soft.h5",
                      model_checkpoint(model, {"soft", 0.5, true, true, {}}, tokenizer_json()));
  ExportOptions options;
  options.format = io::HfFormat::kOriginal;
  CHECK(error_of([&] {
          export_model(dir / "soft.h5", dir / "out", options);
        }).find("export: --format original: routing.mode: soft: the model is a mixture") !=
        std::string::npos);
  CHECK_FALSE(std::filesystem::exists(dir / "out"));
  options.harden = true;
  CHECK(export_model(dir / "soft.h5", dir / "out", options).warnings.empty());

  RoutingProvenance pruned{"soft", 0.5, true, true, {}};
  pruned.epsilon = 0.125;
  io::save_checkpoint(dir / "soft.h5", model_checkpoint(model, pruned, tokenizer_json()));
  const ExportSummary summary = export_model(dir / "soft.h5", dir / "out");
  REQUIRE(summary.warnings.size() == 1);
  CHECK(summary.warnings[0].find(
            "the mixture over all paths (temperature 0.5, epsilon 0.125); --routing hard") !=
        std::string::npos);
  const io::Json config = io::read_json(dir / "out" / "config.json");
  CHECK(config.at("routing_epsilon") == 0.125);
  CHECK(config.at("routing_mode") == "soft");
  CHECK(config.at("routing_temperature") == 0.5);
  CHECK(load_model(dir / "out").routing.mode == "soft");
  CHECK(load_model(dir / "out").routing.trained_softly);
}

TEST_CASE("export warns of trees that are not hard yet; leaf trees go into our own modules") {
  const TempDir dir;
  nn::MaskedLm model(tiny());
  io::save_checkpoint(dir / "half.h5",
                      model_checkpoint(model, {"anneal", 0.5, false, true, {}}, tokenizer_json()));
  const ExportSummary summary = export_model(dir / "half.h5", dir / "out");
  REQUIRE(summary.warnings.size() == 1);
  CHECK(summary.warnings[0].find("had not finished hardening") != std::string::npos);

  nn::EncoderOptions arch = tiny();
  arch.ffn.type = nn::FeedForwardType::kLeafTree;
  nn::MaskedLm leaves(arch);
  fill(leaves);
  io::save_checkpoint(dir / "leaf.h5", model_checkpoint(leaves, {}, ""));
  export_model(dir / "leaf.h5", dir / "leaves");
  CHECK(std::filesystem::exists(dir / "leaves" / "modeling_espalier.py"));
  CHECK(checksum_of(load_model(dir / "leaves").module()) == checksum_of(leaves));
}

TEST_CASE("the model card has architecture, training, scores and configuration") {
  const TempDir dir;
  nn::MaskedLm model(tiny());
  fill(model);
  io::Checkpoint checkpoint =
      model_checkpoint(model, {"straight_through", 0.3, true, false, {}}, tokenizer_json());
  checkpoint.state = {{"step", 20}, {"tokens", 12345}};
  checkpoint.config_yaml = "seed: 77\n";
  checkpoint.metrics_jsonl =
      "{\"step\":10,\"eval_loss\":5.0}\n{\"step\":20,\"eval_loss\":4.5,\"eval_accuracy\":0.25}\n{\"step\":20,"
      "\"loss\":4}\n";
  io::save_checkpoint(dir / "a.h5", checkpoint);
  const ExportSummary summary = export_model(dir / "a.h5", dir / "out");
  CHECK(summary.parameters == model.parameter_count());
  const std::string card = testing::read_text(dir / "out" / "README.md");
  for (const char* part :
       {"pipeline_tag: fill-mask", "2x2 feedforward layers", "| neurons used for a token | 6 of 14 |",
        "`routing.mode: straight_through`", "- steps: 20", "- tokens: 12345", "| loss | 4.5 |",
        "| accuracy | 0.25 |", "seed: 77", "espalier fill-mask"}) {
    INFO(part);
    CHECK(card.find(part) != std::string::npos);
  }
}

}  // namespace
}  // namespace espalier::model
