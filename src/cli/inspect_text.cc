#include <fmt/format.h>

#include <string>
#include <vector>

#include "cli/inspect.h"
#include "espalier/base/error.h"
#include "espalier/train/evaluator.h"

namespace espalier::cli {

namespace {

std::string plain(const io::Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  return io::json_text(value, -1);
}

void add_line(std::string& text, const std::string& name, const std::string& value) {
  text += fmt::format("{:<18} {}\n", name, value);
}

// Scalars of the top level, in their order.
std::string scalars(const io::Json& document) {
  std::string text;
  for (const auto& [key, value] : document.items()) {
    if (!value.is_structured() && !value.is_null()) add_line(text, key, plain(value));
  }
  return text;
}

std::string section(const io::Json& document, const char* key) {
  const auto found = document.find(key);
  if (found == document.end() || !found->is_object() || found->empty()) return "";
  std::string text = fmt::format("\n{}\n", key);
  for (const auto& [name, value] : found->items()) {
    const std::size_t dot = name.find("arch.");
    const std::string shown = dot == 0 ? name.substr(5) : name;
    if (!value.is_null()) text += fmt::format("  {:<28} {}\n", shown, plain(value));
  }
  return text;
}

std::string numbers(const std::vector<double>& list) {
  std::string text;
  for (const double value : list) text += fmt::format(" {:.2f}", value);
  return text;
}

// A line a tree layer: what the last evaluation found.
std::string trees(const io::Json& document) {
  const auto found = document.find("trees");
  if (found == document.end() || found->empty()) return "";
  std::string text = "\ntrees at the last evaluation\n";
  for (std::size_t layer = 0; layer < found->size(); ++layer) {
    train::TreeScores tree;
    try {
      tree = io::from_json<train::TreeScores>(
          io::JsonView((*found)[layer], fmt::format("metrics.jsonl: tree layer {}", layer)));
    } catch (const InputError& error) {
      return text + fmt::format("  cannot be read: {}\n", error.what());  // the rest is of the model itself
    }
    text += fmt::format("  layer {:<3} leaves used {:5.1f} %, largest leaf {:5.1f} % of tokens\n", tree.layer,
                        100 * tree.leaves_used, 100 * tree.largest_leaf_share);
    text += fmt::format("            leaf perplexity of each tree{}\n", numbers(tree.leaf_perplexity));
    text += fmt::format("            decision entropy by level{}\n", numbers(tree.entropy));
    text += fmt::format("            undecided share by level{}\n", numbers(tree.undecided));
  }
  return text;
}

std::string tensors(const io::Json& document) {
  const auto found = document.find("tensors");
  if (found == document.end()) return "";
  std::string text = fmt::format("\n{} tensors\n", found->size());
  for (const io::Json& tensor : *found) {
    text += fmt::format("  {:<64} {:<8} {}\n", plain(tensor.at("name")), plain(tensor.at("dtype")),
                        plain(tensor.at("shape")));
  }
  return text;
}

// Tensors that hold inf or NaN, which no checksum tells.
std::string not_finite(const io::Json& document) {
  const auto found = document.find("not_finite");
  if (found == document.end() || found->empty()) return "";
  std::string text = "\nhold inf or NaN\n";
  for (const io::Json& name : *found) text += fmt::format("  {}\n", plain(name));
  return text;
}

}  // namespace

std::string inspection_text(const io::Json& document) {
  std::string text = scalars(document);
  for (const char* key : {"arch", "classifier", "routing", "program", "parameters", "state", "evaluation",
                          "train", "validation", "manifest", "metadata"}) {
    text += section(document, key);
  }
  return text + not_finite(document) + trees(document) + tensors(document);
}

}  // namespace espalier::cli
