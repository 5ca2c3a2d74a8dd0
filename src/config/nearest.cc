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

// Letters between a name and what may still have meant it: of a short one nearly every other is some letters
// away.
std::size_t most_wrong_letters(const std::string& name) {
  return std::max<std::size_t>(1, name.size() / 3);
}

// Whether a file is likely the one meant by `missing`: spelt nearly so, or a variant of it by its ending.
bool is_near(const std::string& name, const std::string& missing) {
  return edit_distance(name, missing) <= most_wrong_letters(missing) ||
         (missing.size() > 2 && name.starts_with(missing));
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

// "train." of train.budget.steps; empty for a key of one part.
std::string group_of(const std::string& key) {
  return key.substr(0, key.find('.') + 1);
}

// Whether one is the other with words before or behind it: steps, max_steps.
bool shares_words(const std::string& a, const std::string& b) {
  const auto holds = [](const std::string& longer, const std::string& words) {
    return longer.starts_with(words + "_") || longer.ends_with("_" + words);
  };
  return a == b || holds(a, b) || holds(b, a);
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

std::string nearest_word(const std::string& unknown, const std::vector<std::string>& words) {
  const auto distance = [&](const std::string& word) { return edit_distance(word, unknown); };
  const auto nearest =
      std::min_element(words.begin(), words.end(),
                       [&](const std::string& a, const std::string& b) { return distance(a) < distance(b); });
  return nearest != words.end() && distance(*nearest) <= most_wrong_letters(unknown) ? *nearest : "";
}

std::string nearest_key(const std::string& unknown, const std::vector<std::string>& keys) {
  const std::string group = group_of(unknown), last = last_part(unknown);
  const auto nearest_where = [&](const auto& condition) {
    std::string nearest;
    for (const std::string& key : keys) {
      if (!condition(key)) continue;
      if (nearest.empty() || edit_distance(key, unknown) < edit_distance(nearest, unknown)) nearest = key;
    }
    return nearest;
  };
  // In a long key few letters make another of a short last part: train.steps, train.eps.
  const std::string spelt = nearest_word(unknown, keys);
  const std::size_t distance = edit_distance(spelt, unknown);
  if (distance <= std::min<std::size_t>(2, most_wrong_letters(last))) return spelt;
  const auto in_group = [&](const std::string& key) { return !group.empty() && key.starts_with(group); };
  const auto same_last = [&](const std::string& key) { return last_part(key) == last; };
  // A group that is indented too far in a file: train.log.steps.
  std::string found = nearest_where([&](const std::string& key) { return unknown.ends_with("." + key); });
  if (found.empty())
    found = nearest_where([&](const std::string& key) { return in_group(key) && same_last(key); });
  const auto [begin, end] = other_names().equal_range(last);
  for (auto name = begin; found.empty() && name != end; ++name)
    found = nearest_where([&](const std::string& key) { return key == name->second; });
  if (found.empty()) {
    found = nearest_where(
        [&](const std::string& key) { return in_group(key) && shares_words(last_part(key), last); });
  }
  if (found.empty()) found = nearest_where(same_last);
  return found.empty() && 2 * distance <= last.size() ? spelt : found;
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
  std::erase_if(candidates, [&](const fs::path& path) {
    return !is_near(name_of(path).string(), name_of(missing).string());
  });
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
