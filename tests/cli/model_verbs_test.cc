// The verbs that use a model, as a person's shell or script runs them.
#include <doctest/doctest.h>

#include <algorithm>

#include "espalier/io/checkpoint.h"
#include "espalier/io/hdf5_file.h"
#include "tests/cli/cli_support.h"
#include "tests/cli/model_support.h"
#include "tests/support/hf_folder.h"
#include "tests/support/support.h"

namespace espalier::testing {
namespace {

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_CASE("fill-mask: the shapes of transformers' pipeline") {
  const Models models;
  const io::Json one = run_well({"fill-mask", models.lm, "the <mask> tree", "--json"}).json();
  REQUIRE(one.size() == 5);
  for (const char* key : {"score", "token", "token_str", "sequence"}) CHECK(one[0].contains(key));
  const io::Json two =
      run_well({"fill-mask", models.lm, "a <mask> and a <mask>", "--top", "3", "--json"}).json();
  REQUIRE(two.size() == 2);
  CHECK(two[1].size() == 3);
  CHECK(two[1][0].contains("token_str"));
  const io::Json texts = run_well({"fill-mask", models.lm, "a <mask>", "the <mask>", "--json"}).json();
  REQUIRE(texts.size() == 2);
  CHECK(texts[0].size() == 5);
  const std::string table = run_well({"fill-mask", models.lm, "the <mask> tree", "--top", "2"}).out;
  CHECK(table.starts_with("the <mask> tree\n"));
  CHECK(lines(table) == 3);
  const std::string file = models.dir.write("in.txt", "a <mask>\nthe <mask> tree\n").string();
  // The same prediction in another batch, up to rounding: some instruction sets sum its rows in another
  // order.
  const io::Json beside = run_well({"fill-mask", models.lm, "--file", file, "--json"}).json()[1];
  REQUIRE(beside.size() == one.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CHECK(beside[i]["sequence"] == one[i]["sequence"]);
    CHECK(beside[i]["score"].get<double>() == doctest::Approx(one[i]["score"].get<double>()).epsilon(1e-6));
  }
}

TEST_CASE("--precision int8: the verbs that use a model; training has no such thing") {
  const Models models;
  const std::vector<std::string> int8 = {"--precision", "int8", "--json"};
  const auto both = [&](std::vector<std::string> arguments) {
    std::vector<std::string> exact = arguments;
    exact.emplace_back("--json");
    arguments.insert(arguments.end(), int8.begin(), int8.end());
    return std::pair(run_well(exact).json(), run_well(arguments).json());
  };
  const auto [word, other_word] = both({"fill-mask", models.lm, "the <mask> tree"});
  CHECK(other_word[0]["score"] != word[0]["score"]);
  CHECK(other_word[0]["score"].get<double>() == doctest::Approx(word[0]["score"].get<double>()).epsilon(0.1));
  const auto [label, other_label] = both({"classify", models.classifier, "the tree"});
  CHECK(other_label[0]["score"].get<double>() ==
        doctest::Approx(label[0]["score"].get<double>()).epsilon(0.1));
  CHECK(run_well({"embed", models.lm, "a map", "--precision", "int8"}).out !=
        run_well({"embed", models.lm, "a map"}).out);
  check_refused({"embed", models.lm, "a map", "--precision", "int4"}, "--precision");
}

TEST_CASE("export --dtype int8: the verbs print what they print with --precision int8") {
  const Models models;
  const auto same = [&](const std::string& model, std::vector<std::string> arguments) {
    const std::string folder = (models.dir / "int8").string();
    run_well({"export", model, folder, "--dtype", "int8"});
    arguments.insert(arguments.begin() + 1, folder);
    const std::string found = run_well(arguments).out;
    arguments[1] = model;
    arguments.insert(arguments.end(), {"--precision", "int8"});
    CHECK(found == run_well(arguments).out);
  };
  same(models.classifier, {"classify", "the tree", "--json"});
  same(models.regression, {"classify", "the tree", "--json"});
  same(models.lm, {"embed", "a map"});
  same(models.lm, {"fill-mask", "the <mask> tree", "--json"});
  const std::string folder = (models.dir / "int8").string();
  check_refused({"fill-mask", folder, "the <mask> tree", "--precision", "float32"},
                "--precision float32: the weights of " + folder + " are int8");
  check_refused({"export", folder, (models.dir / "other").string()}, "its weights are int8");
  check_refused({"import", folder, (models.dir / "x.h5").string()}, "espalier import --dequantize " + folder);
  run_well({"import", "--dequantize", folder, (models.dir / "x.h5").string()});
  check_refused({"export", models.lm, (models.dir / "o").string(), "--dtype", "int8", "--format", "original"},
                "the original's code has no quantized weights");
  const io::Json json = run_well({"inspect", folder, "--json"}).json();
  CHECK(json["stored_as"] == "I8");
  CHECK(json["weights_checksum"] ==
        run_well({"inspect", (models.dir / "x.h5").string(), "--json"}).json()["weights_checksum"]);
  CHECK(run_well({"inspect", folder}).out.find("int8") != std::string::npos);
  CHECK(read_text(models.dir / "int8" / "README.md").find("The weights are int8") != std::string::npos);
}

TEST_CASE("classify: texts") {
  const Models models;
  const io::Json json = run_well({"classify", models.classifier, "the tree", "a map", "--json"}).json();
  REQUIRE(json.size() == 2);
  const std::string label = json[0]["label"];
  CHECK(json[0]["score"] == json[0]["probabilities"][label]);
  CHECK(json[1]["text"] == "a map");
  CHECK(run_well({"classify", models.classifier, "the tree"}).out.starts_with(label));
  const io::Json pair =
      run_well({"classify", models.classifier, "the tree", "--pair", "a map", "--json"}).json();
  CHECK(pair[0]["pair"] == "a map");
  CHECK(pair[0]["score"] != json[0]["score"]);
  CHECK_FALSE(
      run_well({"classify", models.regression, "the tree", "--json"}).json()[0].contains("probabilities"));
}

TEST_CASE("classify: a table keeps its columns and gets the predictions") {
  const Models models;
  const std::string in =
      models.dir.write("in.tsv", "id\tsentence\tlabel\n7\tthe tree\tx\n8\ta \"map\", folded\ty\n");
  const std::string tsv = (models.dir / "out.tsv").string();
  CHECK(run_well({"classify", models.classifier, "--file", in, "--output", tsv}).out == tsv + ": 2 rows\n");
  const std::string text = read_text(tsv);
  CHECK(text.starts_with(
      "id\tsentence\tlabel\tpredicted_label\tprobability\tprobability_class 0\tprobability_class "
      "1\tprobability_class 2\n7\tthe tree\tx\tclass "));
  CHECK(lines(text) == 3);

  const std::string csv = (models.dir / "out.csv").string();
  run_well({"classify", models.classifier, "--file", in, "--output", csv, "--json"});
  CHECK(read_text(csv).find("8,\"a \"\"map\"\", folded\",y,class ") != std::string::npos);
  const std::string jsonl = (models.dir / "out.jsonl").string();
  run_well({"classify", models.regression, "--file", csv, "--output", jsonl});
  const std::string rows = read_text(jsonl);
  CHECK(lines(rows) == 2);
  const io::Json row = io::parse_json(rows.substr(0, rows.find('\n')), "row");
  CHECK(row["sentence"] == "the tree");
  CHECK(row["predicted_value"].is_number_float());

  // The output of one run as the input of the next: its columns would be there twice.
  const Outcome again = run_espalier({"classify", models.classifier, "--file", tsv, "--output", csv});
  CHECK(again.status == 2);
  CHECK(again.err.find("the input has a column `predicted_label` already") != std::string::npos);
}

TEST_CASE("classify: JSON lines, gzip names and long tables stream") {
  const Models models;
  std::string in;
  for (int i = 0; i < 2500; ++i)
    in += "{\"text\": \"the tree " + std::to_string(i % 7) + "\", \"n\": " + std::to_string(i) + "}\n";
  const std::string file = models.dir.write("in.jsonl", in);
  const io::Json json = run_well({"classify", models.classifier, "--file", file, "--json"}).json();
  REQUIRE(json.size() == 2500);
  CHECK(json[2498]["text"] == "the tree 6");
  CHECK(json[0]["score"].get<double>() == doctest::Approx(json[7]["score"].get<double>()).epsilon(1e-6));
  const std::string out = (models.dir / "out.tsv").string();
  run_well({"classify", models.classifier, "--file", file, "--output", out});
  CHECK(lines(read_text(out)) == 2501);
  CHECK(read_text(out).starts_with("text\tn\tpredicted_label"));
}

TEST_CASE("embed: JSON, JSON lines and HDF5 hold the same vectors") {
  const Models models;
  const io::Json json = run_well({"embed", models.lm, "the tree", "a map", "--json"}).json();
  REQUIRE(json.size() == 2);
  CHECK(json[0]["embedding"].size() == 8);
  const std::string printed = run_well({"embed", models.lm, "the tree", "a map"}).out;
  CHECK(lines(printed) == 2);
  CHECK(io::parse_json(printed.substr(0, printed.find('\n')), "line") == json[0]);

  const std::string file = models.dir.write("in.txt", "the tree\na map\n");
  const std::string jsonl = (models.dir / "out.jsonl").string();
  run_well({"embed", models.lm, "--file", file, "--output", jsonl});
  CHECK(read_text(jsonl) == printed);
  const std::string h5 = (models.dir / "out.h5").string();
  CHECK(run_well({"embed", models.lm, "--file", file, "--output", h5}).out == h5 + ": 2 vectors of 8\n");
  const io::Hdf5Reader reader(h5, "embeddings", 1, io::Verify::kEverything);
  const Tensor vectors = reader.read_tensor("embeddings");
  REQUIRE(vectors.shape() == Shape{2, 8});
  CHECK(vectors.data()[9] == json[1]["embedding"][1].get<float>());
  CHECK(run_well({"inspect", h5, "--json"}).json()["shape"] == io::Json::array({2, 8}));
  CHECK(run_well({"embed", models.lm, "the tree", "--pooling", "first", "--json"}).json()[0] != json[0]);
}

TEST_CASE("--batch-size 1: a text's numbers are those that it has alone") {
  const Models models;
  const std::string longer = "a map of the tree and the map of a tree";
  const std::string alone = run_well({"embed", models.lm, "the tree"}).out;
  const std::string both = run_well({"embed", models.lm, longer, "the tree", "--batch-size", "1"}).out;
  CHECK(both == run_well({"embed", models.lm, longer}).out + alone);
  check_refused({"embed", models.lm, "the tree", "--batch-size", "0"}, "--batch-size");
}

TEST_CASE("tokenize: a line an input") {
  const Models models;
  const std::string golden = golden_path("tokenizer.json").string();
  const Outcome outcome = run_well({"tokenize", golden, "It's a tree", "the <mask>", "--json"});
  CHECK(lines(outcome.out) == 2);
  const io::Json json = io::parse_json(outcome.out.substr(0, outcome.out.find('\n')), "line");
  CHECK(json["ids"].size() == json["tokens"].size());
  CHECK(json["decoded"] == "it ' s a tree");
  CHECK(json["decoded_with_special"] == "it ' s a tree <sep>");
  run_well({"import", models.lm, (models.dir / "lm.h5").string()});
  for (const std::string& model : {models.lm, (models.dir / "lm.h5").string()}) {
    CHECK(run_well({"tokenize", model, "It's a tree", "the <mask>", "--json"}).out == outcome.out);
  }
  const std::string file =
      models.dir.write("in.jsonl", "{\"text\": \"the tree\"}\n{\"text\": \"a\", \"pair\": \"b\"}\n");
  const std::string rows = run_well({"tokenize", golden, "--file", file, "--json"}).out;
  CHECK(rows.find("\"decoded_with_special\":\"<cls> a <sep> b <sep>\"") != std::string::npos);
  CHECK(run_well({"tokenize", golden, "the tree"}).out == "the:99 tree:139 <sep>:3\n");
  // Types, where the template of pairs has another than 0.
  const std::string bert = golden_path("bert/bert_masked_lm/tokenizer.json").string();
  const std::string pairs = run_well({"tokenize", bert, "--file", file, "--json"}).out;
  CHECK(pairs.find("\"ids\":[2,10,16,3],\"types\":[0,0,0,0]") != std::string::npos);
  CHECK(pairs.find("\"types\":[0,0,0,1,1]") != std::string::npos);
  CHECK(rows.find("types") == std::string::npos);
  // Letters that make no word of the vocabulary.
  const std::string unknown = run_well({"tokenize", golden, "The \x01", "--json"}).out;
  CHECK(unknown.find("\"tokens\":[\"the\",\"<unk>\",\"<sep>\"]") != std::string::npos);
  CHECK(run_well({"tokenize", "--help"}).out.find("tokens are the vocabulary's names of the ids") !=
        std::string::npos);
}

TEST_CASE("texts that the tokenizer cannot read are said once, by every verb that reads texts") {
  const Models models;
  const std::string file = models.dir.write("in.txt", "the tree\nУтром мы шли\nα β γ\n");
  const std::string said =
      "2 of 3 texts lose nine tenths of their letters or more in the tokenizer, as \"Утром мы шли\"";
  for (const char* verb : {"tokenize", "embed", "classify"}) {
    const std::string model = std::string(verb) == "classify" ? models.classifier : models.lm;
    CHECK(run_well({verb, model, "--file", file}).err.find(said) != std::string::npos);
  }
  CHECK(run_well({"fill-mask", models.lm, "Утром <mask>"}).err.find("1 of 1 texts lose") !=
        std::string::npos);
  CHECK(run_well({"embed", models.lm, "the naïve tree"}).err.empty());
}

TEST_CASE("import, inspect, export, inspect: the weights stay the same") {
  const Models models;
  for (const std::string& model : {models.lm, models.classifier, models.regression}) {
    const std::string file = model + ".h5";
    const std::string folder = model + "-exported";
    CHECK(run_well({"import", model, file}).out.starts_with(file + ": "));
    CHECK(run_well({"export", file, folder, "--json"}).json()["folder"] == folder);
    const io::Json before = run_well({"inspect", model, "--json"}).json();
    const io::Json stored = run_well({"inspect", file, "--json", "--verify"}).json();
    const io::Json after = run_well({"inspect", folder, "--json"}).json();
    CHECK(stored["kind"] == "checkpoint");
    CHECK(stored["verified"] == true);
    CHECK(stored["weights_checksum"].get<std::string>().size() == 16);
    CHECK(stored["weights_checksum"] == before["weights_checksum"]);
    CHECK(after["weights_checksum"] == before["weights_checksum"]);
    CHECK(stored["parameters"] == after["parameters"]);
    CHECK(stored["arch"]["arch.ffn.depth"] == "2");
  }
  const io::Json lm = run_well({"inspect", models.lm + ".h5", "--json"}).json();
  // 450 x 8 words, a scale and a norm; two layers of 4 d^2 + 7 (2 d + 1) + 2 norms; the last norm.
  CHECK(lm["parameters"]["embedding"] == 450 * 8 + 1);
  CHECK(lm["parameters"]["attention"] == 2 * 4 * 64);
  CHECK(lm["parameters"]["feedforward"] == 2 * 7 * 17);
  CHECK(lm["parameters"]["norms"] == 6 * 16);
  CHECK(lm["parameters"]["feedforward_used_by_a_token"] == 2 * 3 * 17);
  CHECK(lm["tensors"].size() == 24);
  const std::string text = run_well({"inspect", models.lm + ".h5"}).out;
  for (const char* part :
       {"kind               checkpoint", "weights_checksum", "ffn.depth", "feedforward_used_by_a_token",
        "encoder.layers.1.ffn.linear_out.weight_t", "[7,8]"}) {
    INFO(part);
    CHECK(text.find(part) != std::string::npos);
  }
  const std::string raw = models.lm + "/model.safetensors";
  CHECK(run_well({"inspect", raw, "--json"}).json()["metadata"]["format"] == "pt");
}

TEST_CASE("import replaces an earlier import alone") {
  const Models models;
  const std::string file = (models.dir / "kept.h5").string();
  run_well({"import", models.lm, file});
  run_well({"import", models.classifier, file});
  const auto check_kept = [&](const std::string& message) {
    const std::string before = read_text(file);
    check_refused({"import", models.lm, file}, message);
    CHECK_UNARY(read_text(file) == before);
  };
  io::Checkpoint checkpoint = io::load_checkpoint(file);
  checkpoint.kind = "pretrain";
  io::save_checkpoint(file, checkpoint);
  check_kept(
      "kept.h5: is a checkpoint of kind `pretrain`, which a training wrote; only an earlier "
      "import is replaced: give a new name");
  models.dir.write("kept.h5", "a text");
  check_kept("kept.h5: is another file (");
}

TEST_CASE("export: element types, and folders that are not its own") {
  const Models models;
  const std::string folder = (models.dir / "half").string();
  run_well({"export", models.lm, folder, "--dtype", "bfloat16"});
  CHECK(run_well({"inspect", folder, "--json"}).json()["stored_as"] == "BF16");
  CHECK(io::read_json(folder + "/config.json")["torch_dtype"] == "bfloat16");
  run_well({"export", models.lm, folder});
  CHECK(run_well({"inspect", folder, "--json"}).json()["stored_as"] == "F32");
  const Outcome refused = run_espalier({"export", models.classifier, models.lm});
  CHECK(refused.status == 2);
  CHECK(refused.err.find("holds no earlier export") != std::string::npos);
}

TEST_CASE("export: not onto the model itself, and into the working directory") {
  const Models models;
  const std::string folder = (models.dir / "once").string();
  run_well({"export", models.lm, folder});
  const std::string before = run_well({"inspect", folder, "--json"}).json()["stored_as"].get<std::string>();
  for (const std::string& same : {folder, folder + "/.", (models.dir / "." / "once").string()})
    check_refused({"export", folder, same, "--dtype", "int8"}, "the model to be exported lies there");
  CHECK(run_well({"inspect", folder, "--json"}).json()["stored_as"] == before);
  const std::string here = (models.dir / "here").string();
  std::filesystem::create_directory(here);
  const std::string there =
      "cd " + here + " && exec " + program_path() + " export " + folder + " . > ../out 2>&1";
  CHECK(std::system(there.c_str()) == 0);
  CHECK(std::filesystem::exists(here + "/model.safetensors"));
  CHECK(std::system(there.c_str()) != 0);
  CHECK(read_text(models.dir / "out").find("run the command from elsewhere") != std::string::npos);
}

TEST_CASE("export into an empty folder, killed at any moment, is made again by the same command") {
  const Models models;
  const std::string folder = (models.dir / "filled").string();
  int killed = 0;
  for (int call = 1; call < 24; call += 2) {
    CAPTURE(call);
    std::filesystem::remove_all(folder);
    std::filesystem::create_directory(folder);
    killed += Running({"export", models.lm, folder}, "ESPALIER_IO_FAULT=kill:" + std::to_string(call))
                  .wait()
                  .status == 137;
    run_well({"export", models.lm, folder});
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      CHECK(entry.path().string().find(".tmp-") == std::string::npos);
  }
  CHECK(killed > 5);
}

TEST_CASE(
    "the tokenizer of a crammed classifier's export reads a text as classify does, and import puts it back") {
  const Models models;
  const std::string folder = (models.dir / "exported").string(), file = (models.dir / "back.h5").string();
  run_well({"export", models.classifier, folder});
  const auto ids = [](const std::string& model) {
    return run_well({"tokenize", model, "the tree", "--json"}).json()["ids"];
  };
  // <cls>, the text, <sep>, and the <sep> of the empty second part.
  io::Json expected = ids(models.classifier);
  expected.insert(expected.begin(), 2);
  expected.push_back(expected.back());
  CHECK(ids(folder) == expected);
  run_well({"import", folder, file});
  CHECK(ids(file) == ids(models.classifier));
  CHECK(run_well({"classify", folder, "the tree", "--json"}).out ==
        run_well({"classify", models.classifier, "the tree", "--json"}).out);
}

TEST_CASE("inspect --verify: what holds no checksums is not called verified") {
  const Models models;
  CHECK(run_well({"inspect", models.lm, "--verify", "--json"}).json()["verified"] ==
        "no: safetensors files hold no checksums");
  CHECK(run_well({"inspect", models.lm + "/model.safetensors", "--verify"}).out.find("hold no checksums") !=
        std::string::npos);
}

TEST_CASE("warnings go to standard error and leave standard output alone") {
  const TempDir dir;
  HfFolder folder = small_masked_lm();
  folder.config["arch"]["attention"]["rotary_embedding"] = true;
  folder.write(dir / "lm");
  const Outcome outcome = run_well({"fill-mask", (dir / "lm").string(), "<mask>", "--json"});
  CHECK(outcome.err.find("rotary_embedding: true has no effect in the original code") != std::string::npos);
  CHECK(outcome.json().size() == 5);
}

TEST_CASE("the same results for any number of threads") {
  const Models models;
  const std::vector<std::string> command = {"fill-mask", models.lm, "the <mask> tree",
                                            "a <mask> and a <mask>", "--json"};
  const std::string once = run_well(command).out;
  for (const char* threads : {"1", "2", "3"}) {
    std::vector<std::string> with = command;
    with.insert(with.end(), {"--threads", threads});
    CHECK(run_well(with).out == once);
  }
}

}  // namespace
}  // namespace espalier::testing
