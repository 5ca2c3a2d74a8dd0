// What `espalier trees` says of the leaves of a trained model.
#include <doctest/doctest.h>

#include <cmath>

#include "espalier/base/log.h"
#include "espalier/io/token_store.h"
#include "espalier/model/loaded_model.h"
#include "tests/cli/training_support.h"

namespace espalier::testing {
namespace {

const Arguments kLeafTrees = {"arch.ffn.type=leaf_tree", "arch.ffn.trees=2", "arch.ffn.leaf_width=4"};

// A pretraining of two layers, begun once in this process.
std::string trained(const std::string& name, Arguments overrides) {
  const Workshop& shop = workshop();
  const std::string run = shop.path(name);
  // Of small weights the trees would send all to one leaf.
  overrides.insert(overrides.end(), {"arch.layers=2", "arch.init_std=0.5"});
  if (!std::filesystem::exists(run)) run_well(shop.pretrain(name, overrides));
  return run;
}

Arguments trees_of(const std::string& model, const Arguments& more = {}) {
  Arguments all = {"trees", model, "--data", workshop().data, "--min-count", "1"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// Leaf usage as the statistics of a forward pass over all training sequences count it.
ops::LayerStatistics counted(const std::string& path) {
  set_quiet(true);
  model::LoadedModel model = model::load_model(path);
  const io::TokenStoreReader store = io::open_token_store(workshop().data);
  ops::LayerStatistics statistics;
  nn::ForwardContext context;
  context.statistics = &statistics;
  const NoGradGuard no_grad;
  for (std::int64_t i = 0; i < store.sequences(io::Split::kTrain); ++i) {
    IntTensor ids = IntTensor::empty({1, store.sequence_length()});
    store.read(io::Split::kTrain, i, ids.span());
    model.encoder().forward({ids}, context);
  }
  return statistics;
}

// Numbers of a document against each other and against `statistics`.
void check_leaves(const io::Json& layer, const ops::TreeStatistics& statistics, std::int64_t tokens) {
  std::int64_t sum = 0;
  for (const io::Json& leaf : layer["leaves"]) {
    const auto count = leaf["count"].get<std::int64_t>();
    const auto at =
        static_cast<std::size_t>(leaf["tree"].get<std::int64_t>() * statistics.size().leaves_per_tree() +
                                 leaf["leaf"].get<std::int64_t>());
    CHECK(count == statistics.leaf_tokens[at]);
    CHECK(leaf["share"].get<double>() ==
          doctest::Approx(static_cast<double>(count) / static_cast<double>(tokens)));
    CHECK(leaf["path"].get<std::string>().size() == layer["depth"].get<std::size_t>());
    sum += count;
    for (const io::Json& token : leaf["tokens"]) {
      const double here = token["count"].get<double>(), everywhere = here / token["share"].get<double>();
      CHECK(token["pmi"].get<double>() ==
            doctest::Approx(
                std::log2(here * static_cast<double>(tokens) / (everywhere * static_cast<double>(count)))));
    }
  }
  CHECK(sum == tokens * statistics.trees);
  for (std::size_t tree = 0; tree < static_cast<std::size_t>(statistics.trees); ++tree) {
    CHECK(layer["leaf_perplexity"][tree].get<double>() ==
          doctest::Approx(statistics.leaf_perplexity(static_cast<int>(tree))));
  }
}

TEST_CASE("a name that cannot be written is refused before anything is read") {
  const std::string file = workshop().path("no/such/folder.json");
  const Outcome outcome =
      run_espalier({"trees", trained("neurons", {}), "--data", "nowhere", "--output", file});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("folder.json: could not be written: create: No such file or directory") !=
        std::string::npos);
  CHECK(run_espalier({"trees", trained("neurons", {}), "--data", "nowhere", "--output", "-"})
            .err.find("--output: -: expected the name of a file") != std::string::npos);
}

}  // namespace

TEST_CASE("trees replaces the trees.json of a run, which is its own") {
  const std::string run = trained("neurons", {}), file = run + "/trees.json";
  for (int i = 0; i < 2; ++i) run_well(trees_of(run, {"--tokens", "100", "--output", file}));
  std::filesystem::remove(file);
}

TEST_CASE("trees: leaves of both kinds, as the statistics of a forward pass have them") {
  for (const bool leaf_trees : {false, true}) {
    INFO(leaf_trees);
    const std::string run = leaf_trees ? trained("leafy", kLeafTrees) : trained("neurons", {});
    const io::Json found = run_well(trees_of(run, {"--json", "--tokens", "0"})).json();
    const ops::LayerStatistics statistics = counted(run);
    CHECK(found["tokens"] == found["available"]);
    CHECK(found["tokens"].get<std::int64_t>() == statistics[0].tokens);
    REQUIRE(found["layers"].size() == 2);
    for (std::size_t layer = 0; layer < 2; ++layer) {
      CHECK(found["layers"][layer]["leaves"].size() > 2);
      CHECK(found["layers"][layer]["type"] == (leaf_trees ? "leaf_tree" : "neuron_tree"));
      check_leaves(found["layers"][layer], statistics[layer], statistics[0].tokens);
    }
    CHECK_FALSE(found.contains("agreement"));
  }
}

TEST_CASE("trees: a layer, a number of tokens, a file, a table; the same with any number of threads") {
  const std::string run = trained("neurons", {}), file = workshop().path("trees.json");
  const Outcome outcome = run_well(trees_of(run, {"--layer", "1", "--tokens", "100", "--output", file}));
  CHECK(outcome.out.find(run + " on 112 of ") == 0);
  CHECK(outcome.out.find("\nlayer 1, tree 0 of 1, depth 2: ") != std::string::npos);
  CHECK(outcome.out.find("\nlayer 0") == std::string::npos);
  const io::Json json = io::read_json(file);
  CHECK(json["tokens"] == 112);
  // More than there are are all.
  const Arguments more = {"--json", "--tokens", "9223372036854775807"};
  CHECK(run_well(trees_of(run, more)).json() == run_well(trees_of(run, {"--json", "--tokens", "0"})).json());
  CHECK(json["layers"].size() == 1);
  CHECK(json["layers"][0]["layer"] == 1);
  for (const char* threads : {"1", "3"}) {
    CHECK(
        run_well(trees_of(run, {"--layer", "1", "--tokens", "100", "--json", "--threads", threads})).json() ==
        json);
  }
  const io::Json all = run_well(trees_of(run, {"--tokens", "100", "--json"})).json();
  CHECK(all["layers"][1] == json["layers"][0]);
  CHECK(run_well(trees_of(run, {"--layer", "0", "--tokens", "100", "--json"})).json()["layers"][0] ==
        all["layers"][0]);
  CHECK(json["precision"] == "float32");
  CHECK(run_well(trees_of(run, {"--tokens", "100", "--precision", "int8", "--json"})).json()["precision"] ==
        "int8");
  const std::string one = run_well(trees_of(run, {"--layer", "1", "--leaves", "1"})).out;
  CHECK(one.find(" % of the tokens (--leaves 0 shows them)\n") != std::string::npos);
}

TEST_CASE("trees --compare: a model agrees with itself in full, with another in part") {
  const std::string run = trained("neurons", {}), other = trained("neurons2", {"seed=2"});
  const io::Json same = run_well(trees_of(run, {"--json", "--compare", run})).json();
  REQUIRE(same["agreement"].size() == 2);
  CHECK(same["agreement"][0]["adjusted_mutual_information"].get<double>() == doctest::Approx(1));
  const io::Json found = run_well(trees_of(run, {"--json", "--compare", other})).json();
  CHECK(found["compared_with"] == other + "");
  CHECK(found["layers"] == same["layers"]);
  for (const io::Json& layer : found["agreement"])
    CHECK(layer["adjusted_mutual_information"].get<double>() < 0.99);
  const std::string table = run_well(trees_of(run, {"--compare", other})).out;
  CHECK(table.find("agreement with " + other + " in float32 (adjusted mutual information") !=
        std::string::npos);
}

TEST_CASE("trees: what cannot be looked at") {
  const Workshop& shop = workshop();
  const std::string dense =
      trained("flat", {"arch.ffn.type=dense", "arch.ffn.width=16", "train.max_steps=1"});
  check_refused(trees_of(dense),
                "no layer has trees that decide anything: its feedforward layers are dense 16");
  const std::string run = trained("neurons", {});
  check_refused(trees_of(run, {"--layer", "2"}), "--layer: " + run + " has layers 0 to 1, found 2");
  check_refused(trees_of(run, {"--compare", dense}), "no layer has trees that decide anything");
  check_refused({"trees", run}, "--data is required");
  check_refused({"trees", run, "--data", shop.path("nothing")}, "nothing: no such file or folder");
  const std::string mixed =
      trained("mixed", {"arch.ffn.layers=[1]", "arch.ffn.other_width=8", "train.max_steps=1"});
  check_refused(trees_of(mixed, {"--layer", "0"}), "without trees that decide; those with: 1");
  // Its number, wherever it is spoken of.
  CHECK(run_well(trees_of(mixed)).out.find("layer 1") != std::string::npos);
  CHECK(run_well({"evaluate", mixed, "--data", shop.data}).out.find("layer 1   leaves used") !=
        std::string::npos);
  CHECK(run_well({"inspect", mixed}).out.find("layer 1   leaves used") != std::string::npos);
  CHECK(run_well({"report", mixed, "--text"}).out.find("layer 1   leaves used") != std::string::npos);
  run_well({"report", mixed});
  CHECK(read_text(mixed + "/report.html").find(">layer 0<") == std::string::npos);
  const std::string text =
      shop.dir.write("zoo.txt", "zebras and foxes, pumas and jackals of the zoo\n\n").string();
  run_well({"prepare", shop.path("prepare.yaml"), "text.files=[" + text + "]", "out=" + shop.path("zoo"),
            "sequence_length=4", "text.max_token_ratio=9", "validation_fraction=0"});
  check_refused({"trees", run, "--data", shop.path("zoo")},
                "the model reads its own words only: prepare the text with tokenizer.path=" + run);
}

}  // namespace espalier::testing
