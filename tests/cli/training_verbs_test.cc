// The verbs that make a model, from text to a classifier, as a person's shell or script runs them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "espalier/io/hf_model.h"
#include "espalier/io/run_files.h"
#include "tests/cli/training_support.h"

namespace espalier::testing {
namespace {

bool exists(const std::string& path) {
  return std::filesystem::exists(path);
}

io::Json file_json(const std::string& path) {
  return io::parse_json(read_text(path), path);
}

}  // namespace

TEST_CASE("prepare: files, a summary, and nothing to do the second time") {
  const Workshop& shop = workshop();
  const Arguments command = {"prepare", shop.path("prepare.yaml"),
                             "text.files=[" + shop.path("text.txt") + "]", "out=" + shop.path("again")};
  const Outcome first = run_well(command);
  CHECK(first.out.find("60 documents read, 60 kept") == 0);
  CHECK(first.out.ends_with("/tokenizer.json, " + shop.path("again") + "/tokens.h5\n"));
  CHECK(read_text(shop.path("again/tokens.h5")) == read_text(shop.data + "/tokens.h5"));
  CHECK(run_well(command).out.find("reused") != std::string::npos);
  Arguments without = command;
  without.back() = "out=" + shop.path("without");
  without.push_back("validation_fraction=0");
  CHECK(run_well(without).out.find("validation: 0 documents") != std::string::npos);
}

TEST_CASE("pretrain, evaluate: the run folder, and the names of JSON fields") {
  const Workshop& shop = workshop();
  const std::string hard = shop.path("hard"), soft = shop.path("soft");
  CHECK(run_well(shop.pretrain("hard")).out.starts_with("20 steps, 1280 tokens; held-out loss "));
  for (const char* file : {"config.yaml", "metrics.jsonl", "trainer_state.json", "checkpoints/step-20.h5",
                           "last.h5", "best.h5"}) {
    CHECK(exists(hard + "/" + file));
  }
  CHECK(run_well(shop.pretrain("hard")).out == hard + " is complete: 20 steps, 1280 tokens\n");
  run_well(shop.pretrain("soft", {"routing.mode=anneal"}));

  const io::Json of_hard = run_well({"evaluate", hard, "--data", shop.data, "--json"}).json();
  for (const char* key : {"loss", "perplexity", "accuracy", "tokens", "unigram_loss"}) {
    INFO(key);
    CHECK(of_hard.at(key).is_number());
  }
  for (const char* key : {"loss_hard", "loss_soft", "hardening_gap"}) CHECK(of_hard.at(key).is_null());
  CHECK(of_hard.at("routing").size() == 1);
  const io::Json of_soft = run_well({"evaluate", soft, "--data", shop.data, "--json"}).json();
  CHECK(of_soft.at("loss") == of_soft.at("loss_hard"));
  CHECK(of_soft.at("hardening_gap").get<double>() ==
        of_soft.at("loss_hard").get<double>() - of_soft.at("loss_soft").get<double>());
}

TEST_CASE("evaluate: masks as many positions as the training did, unless told") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("half", {"train.max_steps=1", "train.mask_rate=0.5"}));
  const auto predictions = [&](const Arguments& more) {
    Arguments command = {"evaluate", shop.path("half"), "--data", shop.data, "--json"};
    command.insert(command.end(), more.begin(), more.end());
    return run_well(command).json().at("tokens").get<int>();
  };
  CHECK(predictions({}) == predictions({"--mask-rate", "0.5"}));
  CHECK(predictions({}) > predictions({"--mask-rate", "0.25"}));
}

TEST_CASE("evaluate: soft routing gives the scores of the mixture, at a temperature that must be known") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("hard2"));
  const std::string model = shop.path("hard2");
  const Arguments evaluate = {"evaluate", model, "--data", shop.data + "/tokens.h5", "--routing", "soft"};
  CHECK(run_espalier(evaluate).err.find("was not trained softly") != std::string::npos);
  Arguments at_one = evaluate;
  at_one.insert(at_one.end(), {"--tau", "1"});
  CHECK(run_well(at_one).out.find("soft routing") != std::string::npos);
  at_one.push_back("--json");
  const io::Json json = run_well(at_one).json();
  CHECK(json.at("loss") == json.at("loss_soft"));
  CHECK(json.at("temperature") == 1.0);
  CHECK(run_espalier({"evaluate", model, "--data", shop.data, "--tau", "1"}).status == 2);
}

TEST_CASE("evaluate: a run, its export and what is imported of that have the same entropies and losses") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("annealed", {"routing.mode=anneal"}));
  const std::string run = shop.path("annealed"), folder = run + "-hf", imported = run + ".h5";
  run_well({"export", run, folder});
  run_well({"import", folder, imported});
  run_well({"export", imported, folder + "2"});
  const io::Json expected = run_well({"evaluate", run, "--data", shop.data, "--json"}).json();
  CHECK(expected.at("temperature").get<double>() < 1);
  CHECK(expected.at("hardening_gap").is_number());
  const std::string at = fmt::format("at temperature {:g}\n", expected.at("temperature").get<double>());
  for (const std::string& model : {folder, imported, folder + "2"}) {
    CHECK(run_well({"evaluate", model, "--data", shop.data, "--json"}).json() == expected);
    const std::string table = run_well({"evaluate", model, "--data", shop.data}).out;
    CHECK(table.find("decisions       entropy in nats, of sigmoids " + at) != std::string::npos);
    CHECK(table.find(", hard routing, float32\n") != std::string::npos);
  }
  // A model that says nothing of its training, as published ones do, says which temperature was taken.
  run_well(shop.pretrain("hard3", {"train.max_steps=1"}));
  run_well({"export", shop.path("hard3"), shop.path("hard3-hf")});
  CHECK_FALSE(io::read_json(shop.path("hard3-hf/config.json")).contains("espalier"));
  run_well({"export", shop.path("hard3"), shop.path("hard3-int8"), "--dtype", "int8"});
  CHECK(run_well({"evaluate", shop.path("hard3-int8"), "--data", shop.data})
            .out.find(", hard routing, int8\n") != std::string::npos);
  CHECK(run_well({"evaluate", shop.path("hard3-hf"), "--data", shop.data}).out.find("at temperature 1\n") !=
        std::string::npos);
}

TEST_CASE("export copies what TensorBoard shows of the run, again too") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("shown", {"train.max_steps=2", "log.tensorboard=true"}));
  const std::string run = shop.path("shown"), folder = run + "-hf";
  const std::vector<io::EventFile> files = io::event_files(run);
  REQUIRE(files.size() == 1);
  for (const std::string& model : {run, run + "/last.h5"}) {
    run_well({"export", model, folder});
    const std::vector<io::EventFile> copies = io::event_files(folder);
    REQUIRE(copies.size() == 1);
    CHECK(copies.front().path.filename() == files.front().path.filename());
    CHECK(read_text(copies.front().path) == read_text(files.front().path));
  }
  shop.dir.write("shown-hf/tensorboard/notes.txt", "mine");
  const Outcome refused = run_espalier({"export", run, folder});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("also tensorboard, which would be lost") != std::string::npos);
}

TEST_CASE("evaluate: text of another tokenizer gives no number") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("words"));
  std::string animals;
  for (int i = 0; i < 60; ++i) {
    animals +=
        std::to_string(i) + " zebras and quick foxes jump over lazy lynxes, pumas and jackals of the zoo\n\n";
  }
  const std::string other = shop.dir.write("other.txt", animals).string();
  run_well({"prepare", shop.path("prepare.yaml"), "text.files=[" + other + "]", "out=" + shop.path("other"),
            "text.max_token_ratio=9"});
  const Outcome refused = run_espalier({"evaluate", shop.path("words"), "--data", shop.path("other")});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("the model reads its own words only") != std::string::npos);
  run_well({"prepare", shop.path("prepare.yaml"), "text.files=[" + other + "]", "out=" + shop.path("same"),
            "tokenizer.path=" + shop.data + "/tokenizer.json"});
  run_well({"evaluate", shop.path("words"), "--data", shop.path("same")});
}

TEST_CASE("finetune: results in Hugging Face's names, and a model that classifies") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("base"));
  const std::string run = shop.path("classifier");
  const Outcome outcome = run_well(shop.finetune("base", "classifier", {"train.epochs=16"}));
  CHECK(outcome.out.starts_with("eval_loss "));
  CHECK(outcome.out.find("\neval_accuracy ") != std::string::npos);
  const io::Json results = file_json(run + "/all_results.json");
  CHECK(results.at("eval_accuracy").get<double>() > 0.75);
  CHECK(results.at("eval_samples") == 20);
  CHECK(exists(run + "/predictions_dev.tsv"));
  const io::Json texts = run_well({"classify", run, "sweet fruit", "rain falls", "--json"}).json();
  CHECK(texts[0].at("label") == "positive");
  CHECK(texts[1].at("label") == "negative");
}

TEST_CASE("classify --label-column: the scores that fine-tuning has of the same rows") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("scored", {"train.max_steps=1"}));
  run_well(shop.finetune("scored", "scored-task", {"train.epochs=2"}));
  const std::string run = shop.path("scored-task");
  const io::Json expected = file_json(run + "/all_results.json");
  const Arguments command = {"classify", run, "--file", shop.dev, "--label-column", "label"};
  Arguments json = command;
  json.push_back("--json");
  const io::Json found = run_well(json).json();
  CHECK(found["eval_samples"] == expected["eval_samples"]);
  for (const char* name : {"eval_loss", "eval_accuracy", "eval_f1", "eval_matthews_correlation"}) {
    CAPTURE(name);
    CHECK(found[name].get<double>() == doctest::Approx(expected[name].get<double>()).epsilon(1e-5));
  }
  const std::string text = run_well(command).out;
  CHECK(text.starts_with("eval_loss "));
  CHECK(text.find("\neval_accuracy ") != std::string::npos);
  const std::string other = shop.dir.write("others.tsv", "sentence\tlabel\nsweet fruit\tunheard\n").string();
  check_refused({"classify", run, "--file", other, "--label-column", "label"},
                "others.tsv: line 2: label `unheard` is none of the model's classes: negative, positive");
  check_refused({"classify", run, "a text", "--label-column", "label"}, "names a column of --file");
  const std::string unlabelled =
      shop.dir.write("unlabelled.tsv", testing::read_text(shop.dev) + "sweet fruit\t \n").string();
  Arguments lacking = {"classify", run, "--file", unlabelled, "--label-column", "label", "--json"};
  check_refused(lacking, "the column `label` is empty; --on-bad-record skip leaves such records out");
  lacking.insert(lacking.end(), {"--on-bad-record", "skip"});
  CHECK(run_well(lacking).json() == found);
}

TEST_CASE("finetune: rows that are learned and scored are told of, and the intervals are those of classify") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("twice"));
  const Outcome both =
      run_well(shop.finetune("twice", "twice-task", {"task.dev=" + shop.train, "train.max_steps=2"}));
  CHECK(both.err.find("rows to evaluate on have the text of a training row") != std::string::npos);
  const Outcome apart = run_well(shop.finetune("twice", "apart", {"train.max_steps=2", "seed=5"}));
  CHECK(apart.err.find("of a training row") == std::string::npos);
  const io::Json scores =
      run_well({"classify", shop.path("apart"), "--file", shop.dev, "--label-column", "label", "--json"})
          .json();
  const io::Json results = io::parse_json(read_text(shop.path("apart") + "/eval_results.json"), "results");
  CHECK(scores.at("eval_accuracy_interval") == results.at("eval_accuracy_interval"));
}

TEST_CASE("an override wins over the file, the file over the default") {
  const Workshop& shop = workshop();
  const std::string dump = run_well(shop.pretrain("x", {"arch.ffn.depth=1", "--dump-config"})).out;
  CHECK(dump.find("    depth: 1\n") != std::string::npos);
  CHECK(dump.find("hidden_size: 16\n") != std::string::npos);
  CHECK(dump.find("weight_decay: 0.01\n") != std::string::npos);
  CHECK_FALSE(exists(shop.path("x")));
  // What was printed is a configuration that prints itself.
  const std::string file = shop.dir.write("dump.yaml", dump).string();
  CHECK(run_well({"pretrain", file, "--dump-config"}).out == dump);
}

TEST_CASE("--quiet: results on standard output, and nothing but warnings beside") {
  const Workshop& shop = workshop();
  const Outcome loud = run_well(shop.pretrain("loud"));
  CHECK(loud.err.find("loud: 1 layers, d 16, 1x2") != std::string::npos);
  Arguments command = shop.pretrain("quiet");
  command.push_back("--quiet");
  const Outcome quiet = run_well(command);
  std::istringstream lines(quiet.err);
  for (std::string line; std::getline(lines, line);) CHECK(line.starts_with("warning: "));
  CHECK(quiet.out.starts_with("20 steps, 1280 tokens; "));
}

TEST_CASE("classify reads as much of a text as the fine-tuning did, unless told; an export says how much") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("read", {"train.max_steps=1"}));
  run_well(shop.finetune("read", "reader", {"train.max_length=6", "train.max_steps=1"}));
  const std::string model = shop.path("reader"), folder = shop.path("reader-hf");
  const std::string text = "the tree and the tree and the tree and the tree";
  const Outcome cut = run_well({"classify", model, text, "--json"});
  CHECK(cut.err.find("1 of 1 texts were cut to the 6 tokens that the model was fine-tuned on") !=
        std::string::npos);
  CHECK(run_well({"classify", model, text, "--json", "--max-length", "9"}).out != cut.out);
  check_refused({"classify", model, text, "--max-length", "999"},
                "--max-length is 999, but " + model + " reads ");
  run_well({"export", model, folder});
  CHECK(run_well({"classify", folder, text, "--json"}).out == cut.out);
  CHECK(io::parse_json(read_text(folder + "/tokenizer_config.json"), "config")["model_max_length"] == 6);
}

TEST_CASE("weights of a run, of an export and of an import start the same training") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("start"));
  run_well({"export", shop.path("start"), shop.path("start-hf")});
  run_well({"import", shop.path("start-hf"), shop.path("start.h5")});
  std::vector<std::string> checksums;
  for (const char* init : {"start", "start-hf", "start.h5"}) {
    const std::string name = std::string("from-") + init;
    run_well(shop.pretrain(name, {"init=" + shop.path(init), "train.max_steps=2"}));
    checksums.push_back(weights_checksum_of(shop.path(name)));
  }
  CHECK(checksums[0] == checksums[1]);
  CHECK(checksums[0] == checksums[2]);
  CHECK(checksums[0] != weights_checksum_of(shop.path("start")));
}

TEST_CASE("a distillation tells what it leaves, and is complete without its teacher") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("teacher", {"arch.ffn.type=dense", "arch.ffn.width=12", "train.max_steps=1"}));
  const Arguments student = shop.pretrain("student", {"init=" + shop.path("teacher"), "distill.layers=[0]",
                                                      "arch.ffn.type=dense", "arch.ffn.width=6"});
  const Outcome made = run_well(student);
  INFO(made.out);
  CHECK(made.out.starts_with("layer  relative error\n    0  0."));
  CHECK(made.out.find("\n20 steps, ") != std::string::npos);
  CHECK(made.out.find(" tokens; relative error of the last hidden states 0.") != std::string::npos);
  CHECK(made.out.find(", KL divergence 0.") != std::string::npos);
  CHECK(made.out.ends_with("; " + shop.path("student") + "/last.h5\n"));
  std::filesystem::remove_all(shop.path("teacher"));
  CHECK(run_well(student).out.starts_with(shop.path("student") + " is complete: 20 steps, "));
}

TEST_CASE("a key of arch in a file that init does not follow is warned about by name and place") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("dense", {"arch.ffn.type=dense", "arch.ffn.width=12", "train.max_steps=1"}));
  const std::string file =
      shop.dir.write("trees.yaml", "base: pretrain.yaml\narch:\n  ffn:\n    type: neuron_tree\n").string();
  const std::string init = "init=" + shop.path("dense");
  const Outcome outcome = run_well(
      {"pretrain", file, "data=" + shop.data, "run=" + shop.path("followed"), init, "train.max_steps=1"});
  CHECK(outcome.err.find("warning: " + file + ":4: arch.ffn.type neuron_tree is not followed: " +
                         shop.path("dense") + " has dense\n") != std::string::npos);
  CHECK(outcome.err.find("vocab_size 0 is not followed") == std::string::npos);
}

TEST_CASE("every feedforward layer, routing and kind of positions trains and is used") {
  const Workshop& shop = workshop();
  const std::vector<Arguments> variants = {
      {"arch.ffn.type=leaf_tree", "routing.mode=hard"},
      {"arch.ffn.type=leaf_tree", "routing.mode=soft", "routing.entropy=all_nodes",
       "routing.entropy_weight=0.1"},
      {"arch.ffn.type=leaf_tree", "routing.mode=anneal"},
      {"arch.ffn.type=leaf_tree", "routing.mode=straight_through"},
      {"routing.mode=soft", "routing.region_leak=0.1"},
      {"arch.ffn.type=dense", "arch.ffn.width=0", "arch.embedding.positions=none"},
      {"arch.ffn.type=gated", "arch.ffn.width=8", "arch.embedding.positions=scaled_sinusoidal"},
      {"arch.ffn.trees=3", "arch.ffn.depth=0", "arch.attention.rotary=true"},
  };
  for (std::size_t i = 0; i < variants.size(); ++i) {
    const std::string name = "variant" + std::to_string(i);
    Arguments overrides = variants[i];
    overrides.push_back("train.max_steps=3");
    INFO(overrides[0] << " " << overrides[1]);
    run_well(shop.pretrain(name, overrides));
    const std::string model = shop.path(name);
    CHECK(run_well({"evaluate", model, "--data", shop.data, "--json"}).json().at("loss").is_number());
    CHECK(run_well({"fill-mask", model, "the old <mask>", "--json"}).json().size() == 5);
    CHECK(run_well({"inspect", model, "--verify", "--json"}).json().at("verified") == true);
    // What the original computes goes out for it, all else with modules of our own; both come back the same.
    run_well({"export", model, model + "-hf"});
    const auto filled = [](const std::string& of) {
      return run_well({"fill-mask", of, "the old <mask>", "--json"}).json();
    };
    CHECK(filled(model + "-hf") == filled(model));
    const bool leaves = overrides[0] == "arch.ffn.type=leaf_tree";
    const bool mixture = overrides[0] == "routing.mode=soft";
    CHECK(exists(model + "-hf/modeling_espalier.py") == (leaves || mixture));
    const Outcome original = run_espalier({"export", model, model + "-original", "--format", "original"});
    CHECK(original.status == (leaves || mixture ? 2 : 0));
    if (leaves) CHECK(original.err.find("arch.ffn.type: leaf_tree") != std::string::npos);
    if (mixture) CHECK(original.err.find("routing.mode: soft") != std::string::npos);
    CHECK(exists(model + "-original") == (original.status == 0));
  }
}

TEST_CASE("a tree in which one leaf takes all tokens is warned about") {
  const Workshop& shop = workshop();
  run_well(shop.pretrain("upright", {"train.max_steps=1"}));
  run_well({"export", shop.path("upright"), shop.path("upright-hf")});
  io::HfModel model = io::read_hf_model(shop.path("upright-hf"));
  // Every decision of every token is then for the same side.
  for (io::NamedTensor& tensor : model.tensors) {
    if (tensor.name.ends_with("ffn.linear_in.bias")) tensor.value.fill(1000.0F);
  }
  io::write_hf_model(shop.path("fallen-hf"), model);
  const std::string warning = "layer 0: one leaf takes 100 % of the tokens; the tree has collapsed";
  const Outcome fallen =
      run_well(shop.pretrain("fallen", {"init=" + shop.path("fallen-hf"), "train.max_steps=1"}));
  CHECK(fallen.err.find(warning) != std::string::npos);
  const Outcome upright =
      run_well(shop.pretrain("straight", {"init=" + shop.path("upright-hf"), "train.max_steps=1"}));
  CHECK(upright.err.find("has collapsed") == std::string::npos);
}

}  // namespace espalier::testing
