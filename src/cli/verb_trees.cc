#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "cli/inference_options.h"
#include "cli/json_list.h"
#include "cli/output_path.h"
#include "cli/verbs.h"
#include "espalier/model/tree_reading.h"
#include "io/file_ops.h"

namespace espalier::cli {
namespace {

struct TreesArguments {
  std::string model;
  std::string data;
  std::string compare;
  std::string output;
  std::string precision;
  std::int64_t leaves = 16;
  bool json = false;
  model::TreesOptions options;
};

// Tokens of a list that fit into a line.
constexpr std::size_t kShown = 6;

std::string words_of(const std::vector<model::LeafToken>& tokens) {
  std::string text;
  for (std::size_t i = 0; i < std::min(tokens.size(), kShown); ++i) {
    text += fmt::format("{}{} {:.1f}", i == 0 ? "" : "  ", tokens[i].token, tokens[i].pmi);
  }
  return text.empty() ? "-" : text;
}

void print_leaf(const model::LeafReading& leaf) {
  fmt::print("  leaf {:<4} {}  {:5.2f} %  {}\n", leaf.leaf, leaf.path, 100 * leaf.share,
             words_of(leaf.tokens));
  const std::size_t indent = leaf.path.size() + 22;
  if (!leaf.previous.empty()) fmt::print("{:>{}}after   {}\n", "", indent, words_of(leaf.previous));
  if (!leaf.next.empty()) fmt::print("{:>{}}before  {}\n", "", indent, words_of(leaf.next));
}

// The leaves of a tree that take most of the tokens, by share; `shown` 0: all.
void print_tree(const model::LayerReading& layer, std::int64_t tree, std::int64_t shown) {
  std::vector<const model::LeafReading*> leaves;
  for (const model::LeafReading& leaf : layer.leaves) {
    if (leaf.tree == tree) leaves.push_back(&leaf);
  }
  const auto at = static_cast<std::size_t>(tree);
  fmt::print("layer {}, tree {} of {}, depth {}: {} of {} leaves are used, perplexity {:.1f}\n", layer.layer,
             tree, layer.trees, layer.depth, leaves.size(),
             leaves.size() + static_cast<std::size_t>(layer.dead[at]), layer.leaf_perplexity[at]);
  std::stable_sort(leaves.begin(), leaves.end(),
                   [](const auto* a, const auto* b) { return a->count > b->count; });
  const std::size_t count =
      shown == 0 ? leaves.size() : std::min(leaves.size(), static_cast<std::size_t>(shown));
  double rest = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    if (i < count) {
      print_leaf(*leaves[i]);
    } else {
      rest += leaves[i]->share;
    }
  }
  if (count < leaves.size()) {
    fmt::print("  {} more take {:.1f} % of the tokens (--leaves 0 shows them)\n", leaves.size() - count,
               100 * rest);
  }
}

void print_agreement(const model::TreesReading& reading) {
  fmt::print("agreement with {} in {} (adjusted mutual information of leaves; 1: the same, 0: chance)\n",
             *reading.compared_with, *reading.compared_precision);
  for (const model::LayerAgreement& layer : reading.agreement) {
    fmt::print("  layer {:<2}  {:.3f}", layer.layer, layer.adjusted_mutual_information);
    if (layer.trees.size() > 1) {
      for (const model::TreeAgreement& tree : layer.trees)
        fmt::print("  {}~{} {:.3f}", tree.tree, tree.other, tree.adjusted_mutual_information);
    }
    fmt::print("\n");
  }
}

void print_table(const model::TreesReading& reading, std::int64_t leaves) {
  fmt::print("{} on {} of {} tokens of {}, by hard routing, in {}\n", reading.model, reading.tokens,
             reading.available, reading.data, reading.precision);
  fmt::print(
      "tokens read, met after and before more often than by chance: pointwise mutual information in bits, "
      "of {} occurrences and more\n",
      reading.min_count);
  if (reading.compared_with) print_agreement(reading);
  for (const model::LayerReading& layer : reading.layers) {
    for (std::int64_t tree = 0; tree < layer.trees; ++tree) print_tree(layer, tree, leaves);
  }
}

model::LoadedModel load(const std::string& path) {
  model::LoadedModel model = model::load_model(path, io::HfInt8::kKeep);
  warn_unfinished(model, {});
  return model;
}

void run_trees(TreesArguments& arguments) {
  require_free_output(
      arguments.output,
      {{"MODEL", arguments.model}, {"--compare", arguments.compare}, {"--data", arguments.data}},
      "trees.json");
  const std::optional<ops::Precision> precision = chosen_precision(arguments.precision);
  model::LoadedModel model = load(arguments.model);
  const ops::Precision used = model::fix_precision(model, precision);
  std::optional<model::LoadedModel> other;
  std::optional<ops::Precision> other_used;
  if (!arguments.compare.empty()) {
    other = load(arguments.compare);
    other_used = model::fix_precision(*other, precision);
  }
  // Opened first: a name that cannot be written is known before minutes are spent.
  std::optional<io::AtomicFile> output;
  if (!arguments.output.empty()) output.emplace(arguments.output);
  const io::TokenStoreReader data = io::open_token_store(arguments.data);
  arguments.options.title = "trees";
  model::TreesReading reading = model::read_trees(model, other ? &*other : nullptr, data, arguments.options);
  reading.precision = ops::precision_name(used);
  if (other_used) reading.compared_precision = ops::precision_name(*other_used);
  const io::Json json = io::to_json(reading);
  if (output) {
    const std::string text = io::json_text(json);
    output->append(text.data(), text.size());
    output->commit();
  }
  if (arguments.json) {
    print_json(json);
  } else {
    print_table(reading, arguments.leaves);
  }
}

}  // namespace

void add_trees(Command& app) {
  const auto arguments = std::make_shared<TreesArguments>();
  Command* verb = app.add_subcommand("trees", "Show what the leaves of a model's trees read");
  add_model_argument(*verb, arguments->model);
  verb->add_option("--data", arguments->data,
                   "Folder written by prepare, or its tokens.h5; training sequences are read, unmasked")
      ->check(a_path())
      ->required();
  verb->add_option("--layer", arguments->options.layer, "This layer alone, from 0 (default: all with trees)")
      ->check(zero_or_above());
  verb->add_option("--compare", arguments->compare,
                   "Another MODEL (seed, step) of the same words: how much its leaves agree, by layer")
      ->check(a_path());
  verb->add_option("--tokens", arguments->options.tokens,
                   "Tokens that are read, in whole sequences evenly spread over the text; 0: all")
      ->check(zero_or_above())
      ->capture_default_str();
  verb->add_option("--top", arguments->options.top, "Tokens listed for a leaf, and before and after it")
      ->check(within(1, 1000))
      ->capture_default_str();
  verb->add_option("--min-count", arguments->options.min_count,
                   "Occurrences in a leaf below which a token is not listed")
      ->check(within(1, 1'000'000'000))
      ->capture_default_str();
  verb->add_option("--leaves", arguments->leaves, "Leaves of each tree in the table, largest first; 0: all")
      ->check(zero_or_above())
      ->capture_default_str();
  add_precision_option(*verb, arguments->precision);
  verb->add_option("--output", arguments->output,
                   "Also write the JSON document to this file; `report` shows RUN/trees.json")
      ->check(a_path());
  verb->add_flag("--json", arguments->json, "One JSON document, of all leaves");
  verb->callback([arguments] { run_trees(*arguments); });
}

}  // namespace espalier::cli
