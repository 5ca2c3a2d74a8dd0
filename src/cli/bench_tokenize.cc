#include <fmt/format.h>

#include <memory>

#include "cli/bench.h"
#include "cli/json_list.h"
#include "cli/output_path.h"
#include "espalier/bench/tokenize.h"

namespace espalier::cli {
namespace {

struct TokenizationArguments {
  bench::TokenizeOptions options;
  bool json = false;
};

void print_table(const bench::TokenizeReport& report) {
  fmt::print("{}\n\n", machine_line(report.machine));
  for (const bench::TokenizeRow& row : report.rows) {
    fmt::print("{} thread{}\n", row.threads, row.threads == 1 ? "" : "s");
    fmt::print("  {:10} {:.2f} s for {} entries from {:.1f} MB\n", "training", row.train_s, row.vocabulary,
               static_cast<double>(row.bytes) / 1e6);
    fmt::print("  {:10} {:.1f} MB/s, {} tokens/s, spread {:.0f} %\n", "encoding", row.encode_mb_per_s,
               short_number(row.tokens_per_s), 100 * row.spread);
  }
}

void run(const TokenizationArguments& arguments) {
  std::vector<Input> inputs;
  for (const std::string& file : arguments.options.files) inputs.push_back({"FILE", file});
  require_free_output(arguments.options.tokenizer_file, inputs);
  const bench::TokenizeReport report = bench::bench_tokenize(arguments.options);
  if (!arguments.json) {
    print_table(report);
    return;
  }
  std::vector<io::Json> rows;
  for (const bench::TokenizeRow& row : report.rows) rows.push_back(bench::tokenize_json(row));
  print_json(bench_json(report.machine, rows));
}

}  // namespace

void add_bench_tokenize(Command& bench) {
  const auto arguments = std::make_shared<TokenizationArguments>();
  bench::TokenizeOptions& options = arguments->options;
  Command* verb = bench.add_subcommand("tokenize", "Training a WordPiece vocabulary, and encoding");
  verb->add_option("FILE", options.files,
                   "Text, plain, gzip or zstd, a document a line (default: generated text)");
  verb->add_option("--megabytes", options.megabytes, "At most so much text; 0: all of the files")
      ->check(zero_or_above())
      ->capture_default_str();
  verb->add_option("--vocabulary", options.vocabulary, "Entries to learn")
      ->check(within(64, 1 << 24))
      ->capture_default_str();
  verb->add_option("--rounds", options.rounds, "Rounds of encoding, of which the median is taken")
      ->check(above_zero())
      ->capture_default_str();
  verb->add_option("--output", options.tokenizer_file, "Where to leave the tokenizer.json")->check(a_path());
  verb->add_flag("--json", arguments->json, "One JSON document");
  verb->callback([arguments] { run(*arguments); });
}

}  // namespace espalier::cli
