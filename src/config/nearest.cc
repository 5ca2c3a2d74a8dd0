#include "config/nearest.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>
#include <vector>

namespace espalier::config {

namespace fs = std::filesystem;

namespace {

// A folder of a million files must not delay a message.
constexpr int kMostEntries = 10'000;

bool is_configuration(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

fs::path name_of(const fs::path& path) {
  return is_configuration(path) ? path.stem() : path.filename();
}

// Appends the configuration files of a folder, with `below` those of its folders too.
void collect(const fs::path& folder, bool below, std::vector<fs::path>& found) {
  std::error_code error;
  fs::directory_iterator entry(folder.empty() ? fs::path(".") : folder, error);
  for (int i = 0; !error && entry != fs::directory_iterator() && i < kMostEntries; ++i) {
    std::error_code unknown;
    const fs::path path = folder / entry->path().filename();
    if (is_configuration(path)) {
      found.push_back(path);
    } else if (below && entry->is_directory(unknown)) {
      collect(path, false, found);
    }
    entry.increment(error);
  }
}

}  // namespace

std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      diagonal = above;
    }
  }
  return row.back();
}

namespace {

std::string last_part(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

// Names that users of transformers know, and what these keys are called here, in whichever verb has one.
const std::multimap<std::string, std::string>& other_names() {
  static const std::multimap<std::string, std::string> names = {
      {"learning_rate", "train.lr"},
      {"num_train_epochs", "train.epochs"},
      {"num_train_epochs", "train.budget.tokens"},
      {"epochs", "train.budget.tokens"},
      {"max_seq_length", "train.max_length"},
      {"max_seq_length", "sequence_length"},
      {"max_length", "sequence_length"},
      {"per_device_train_batch_size", "train.batch_size"},
      {"gradient_accumulation_steps", "train.micro_batch"},
      {"warmup_ratio", "train.warmup"},
      {"warmup_steps", "train.warmup"},
      {"lr_scheduler_type", "train.schedule"},
      {"adam_beta1", "train.beta1"},
      {"adam_beta2", "train.beta2"},
      {"adam_epsilon", "train.eps"},
      {"max_grad_norm", "train.clip"},
      {"mlm_probability", "train.mask_rate"},
      {"bf16", "train.precision"},
      {"fp16", "train.precision"},
      {"logging_steps", "log.steps"},
      {"eval_steps", "eval.steps"},
      {"save_steps", "save.steps"},
      {"save_total_limit", "save.keep"},
      {"output_dir", "run"},
      {"model_name_or_path", "model"},
      {"model_name_or_path", "init"},
      {"init", "model"},
      {"model", "init"},
      {"train_file", "task.train"},
      {"validation_file", "task.dev"},
      {"dataset", "data"},
      {"num_hidden_layers", "arch.layers"},
      {"num_attention_heads", "arch.attention.heads"},
      {"intermediate_size", "arch.ffn.width"},
      {"vocab_size", "tokenizer.vocab_size"}};
  return names;
}

}  // namespace

std::string nearest_key(const std::string& unknown, const std::vector<std::string>& keys) {
  const auto has = [&](const std::string& key) {
    return std::find(keys.begin(), keys.end(), key) != keys.end();
  };
  const auto nearest_of = [&](const std::vector<std::string>& some) {
    return *std::min_element(some.begin(), some.end(), [&](const std::string& a, const std::string& b) {
      return edit_distance(a, unknown) < edit_distance(b, unknown);
    });
  };
  if (keys.empty()) return "";
  const std::string nearest = nearest_of(keys), last = last_part(unknown);
  const std::size_t distance = edit_distance(nearest, unknown);
  if (distance <= 2) return nearest;
  std::vector<std::string> same;
  for (const std::string& key : keys)
    if (last_part(key) == last) same.push_back(key);
  if (!same.empty()) return nearest_of(same);
  const auto [begin, end] = other_names().equal_range(last);
  for (auto name = begin; name != end; ++name)
    if (has(name->second)) return name->second;
  return 3 * distance <= unknown.size() ? nearest : "";
}

fs::path nearest_config_file(const fs::path& missing) {
  std::error_code error;
  const fs::path folder = missing.parent_path();
  std::vector<fs::path> candidates;
  if (folder.empty() || fs::is_directory(folder, error)) {
    collect(folder, false, candidates);
  } else if (folder.parent_path() != folder.root_path()) {
    collect(folder.parent_path(), true, candidates);
  }
  collect("configs", true, candidates);
  const auto rank = [&](const fs::path& path) {
    return std::tuple(edit_distance(name_of(path).string(), name_of(missing).string()),
                      edit_distance(path.string(), missing.string()), path.string());
  };
  const auto nearest =
      std::min_element(candidates.begin(), candidates.end(),
                       [&](const fs::path& a, const fs::path& b) { return rank(a) < rank(b); });
  return nearest == candidates.end() ? fs::path() : *nearest;
}

}  // namespace espalier::config
