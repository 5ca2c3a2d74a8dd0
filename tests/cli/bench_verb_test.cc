// `espalier bench`: the fields that scripts read, and refusals.
#include <doctest/doctest.h>

#include "tests/cli/cli_support.h"

namespace espalier::testing {
namespace {

void check_has(const io::Json& object, const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    INFO(key);
    CHECK(object.contains(key));
  }
}

TEST_CASE("bench fff --json") {
  const io::Json json = run_well({"bench", "fff", "--tokens", "8,40", "--width", "32", "--trees", "2",
                                  "--depth", "3", "--rounds", "1", "--backward", "--json", "--threads", "1"})
                            .json();
  check_has(json.at("machine"), {"cpu", "isa", "cores", "l2_kb", "l3_kb", "gemm_gflops"});
  CHECK(json.at("machine").at("gemm_gflops").get<double>() > 0);
  REQUIRE(json.at("rows").size() == 2);
  for (const io::Json& row : json.at("rows")) {
    check_has(row, {"tokens", "width", "trees", "depth", "leaf_width", "survivors", "routing", "threads",
                    "backward", "dense_ms", "ms", "spread", "ratio", "leaves_hit", "flops_per_token",
                    "bytes_per_token", "max_error"});
    CHECK(row.at("threads") == 1);
    CHECK(row.at("correct") == true);
    CHECK(row.at("ratio").is_null() == row.at("refused").is_string());
    CHECK(row.at("max_error").get<double>() > 0);
  }
  CHECK(json.at("rows")[1].at("tokens") == 40);
}

TEST_CASE("bench tables for people name the machine") {
  const std::string fff =
      run_well({"bench", "fff", "--tokens", "8", "--width", "32", "--depth", "2", "--rounds", "1",
                "--routing", "soft", "--survivors", "2", "--leaf-width", "4"})
          .out;
  for (const char* part : {"GFLOP/s", "ratio to dense", "2 leaves survive", "largest error"}) {
    INFO(part);
    CHECK(fff.find(part) != std::string::npos);
  }
  const std::string gemm = run_well({"bench", "gemm", "--shape", "64x64x64", "--rounds", "1"}).out;
  CHECK(gemm.find("64 x 64 x 64") != std::string::npos);
}

TEST_CASE("bench gemm --json") {
  const io::Json json = run_well({"bench", "gemm", "--shape", "64x32x16", "--rounds", "1", "--json"}).json();
  REQUIRE(json.at("rows").size() == 1);
  check_has(json.at("rows")[0], {"m", "n", "k", "ms", "gflops", "share", "max_error"});
  CHECK(json.at("rows")[0].at("correct") == true);
}

TEST_CASE("bench step needs no data") {
  const TempDir dir;
  const std::string config = dir.write("tiny.yaml",
                                       "arch:\n  layers: 1\n  hidden_size: 16\n  attention:\n    heads: 2\n"
                                       "  embedding:\n    vocab_size: 50\n")
                                 .string();
  const std::vector<std::string> arguments = {"bench", "step",     config, "arch.ffn.depth=2", "--sequences",
                                              "2",     "--length", "8",    "--rounds",         "1"};
  std::vector<std::string> with_json = arguments;
  with_json.push_back("--json");
  const Outcome measured = run_well(with_json);
  // A full model takes minutes: what goes on is said at once, and not with --quiet.
  CHECK(measured.err.find("building the model, then 2 training steps") != std::string::npos);
  CHECK(measured.err.find("first training step") != std::string::npos);
  std::vector<std::string> quiet = with_json;
  quiet.push_back("--quiet");
  CHECK(run_well(quiet).err.empty());
  const io::Json json = measured.json();
  REQUIRE(json.at("rows").size() == 1);
  const io::Json& row = json.at("rows")[0];
  check_has(row, {"name", "train_tokens_per_s", "forward_tokens_per_s", "sequence_ms", "peak_rss_gb", "mfu"});
  CHECK(row.at("name") == "tiny");
  CHECK(row.at("layer") == "1x2");
  CHECK(json.at("machine").at("gemm_gflops").get<double>() > 0);
  CHECK(run_well(arguments).out.find("tokens/s") != std::string::npos);
}

TEST_CASE("bench step --precision int8 trains nothing and is compared with float32 in the same rounds") {
  const TempDir dir;
  const std::string config = dir.write("tiny.yaml",
                                       "arch:\n  layers: 1\n  hidden_size: 16\n  attention:\n    heads: 2\n"
                                       "  embedding:\n    vocab_size: 50\n")
                                 .string();
  const io::Json row = run_well({"bench", "step", config, "arch.ffn.depth=2", "--sequences", "2", "--length",
                                 "8", "--rounds", "1", "--precision", "int8", "--json"})
                           .json()
                           .at("rows")[0];
  CHECK(row.at("precision") == "int8");
  CHECK(row.at("train_tokens_per_s").is_null());
  CHECK(row.at("forward_tokens_per_s").get<double>() > 0);
  CHECK(row.at("forward_ratio").get<double>() > 0);
  CHECK(row.at("sequence_ratio").get<double>() > 0);
  CHECK(row.at("hidden_difference").get<double>() > 0);
  CHECK(row.at("hidden_difference").get<double>() < 0.1);
  check_refused({"bench", "step", config, "train.precision=int8"},
                "train.precision must be one of float32, bf16, got `int8`: nothing is trained in int8; "
                "--precision int8 uses a trained model so");
  CHECK(run_well({"bench", "step", "--help"}).out.find("(default: train.precision)") != std::string::npos);
}

TEST_CASE("bench tokenize --json") {
  const io::Json json = run_well({"bench", "tokenize", "--megabytes", "1", "--vocabulary", "300", "--rounds",
                                  "1", "--threads", "2", "--json"})
                            .json();
  REQUIRE(json.at("rows").size() == 2);
  check_has(json.at("rows")[0], {"threads", "train_s", "encode_mb_per_s", "tokens_per_s"});
}

TEST_CASE("bench refuses what it cannot measure") {
  check_refused({"bench"}, "subcommand is required");
  check_refused({"bench", "foo"}, "bench: expected one of gemm, fff, step, tokenize, found `foo`");
  check_refused({"bench", "fff", "--routing", "medium"}, "--routing");
  check_refused({"bench", "fff", "--survivors", "2"}, "--survivors needs --routing soft");
  check_refused({"bench", "fff", "--survivors", "3", "--routing", "soft"}, "power of two");
  check_refused({"bench", "fff", "--tokens", "0"}, "--tokens");
  check_refused({"bench", "fff", "--precision", "int8", "--backward"},
                "--precision int8 is for the forward pass of trees of neurons with hard routing");
  check_refused({"bench", "fff", "--precision", "int8", "--depth", "0"},
                "--precision int8: 1 trees of depth 0 are computed by dense products in float32");
  check_refused({"bench", "fff", "--depth", "30"}, "--depth must be from 0 to 24");
  check_refused({"bench", "step", "/no/such/config.yaml"}, "/no/such/config.yaml");
  check_refused({"bench", "tokenize", "/no/such/text.txt"}, "/no/such/text.txt");
  check_refused({"bench", "gemm", "--shape", "3x4"}, "--shape must be MxNxK");
}

}  // namespace
TEST_CASE("bench fff offers the precisions that trees have rows in") {
  check_refused({"bench", "fff", "--precision", "bf16"}, "--precision: bf16 not in {float32,int8}");
}

}  // namespace espalier::testing
