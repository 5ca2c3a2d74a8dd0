#include "espalier/train/run_directory.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "espalier/base/error.h"
#include "espalier/base/log.h"

namespace espalier::train {

namespace fs = std::filesystem;

static fs::path created(fs::path path) {
  std::error_code error;
  fs::create_directories(path / "checkpoints", error);
  if (error) {
    throw InputError(fmt::format("run: cannot create the folder {}: {}", path.string(), error.message()));
  }
  return path;
}

static fs::path checked(fs::path path) {
  if (fs::exists(path) && !fs::is_directory(path)) {
    throw InputError(fmt::format("run: {} is a file; give a folder", path.string()));
  }
  if (fs::is_directory(path) && !fs::is_empty(path) && !fs::exists(path / "config.yaml") &&
      !fs::exists(path / "checkpoints")) {
    throw InputError(
        fmt::format("run: {} holds files but no run; give an empty or a new folder", path.string()));
  }
  return created(std::move(path));
}

RunDirectory::RunDirectory(fs::path path) : path_(checked(std::move(path))), lock_(path_ / "lock") {}

bool RunDirectory::has_run() const {
  return fs::exists(config_path()) || !checkpoints().empty();
}

fs::path RunDirectory::checkpoint_path(std::int64_t step) const {
  return path_ / "checkpoints" / fmt::format("step-{}.h5", step);
}

// N of step-N.h5; -1 for other files.
static std::int64_t step_of(const fs::path& file) {
  const std::string stem = file.stem().string();
  if (!stem.starts_with("step-") || file.extension() != ".h5") return -1;
  const std::string digits = stem.substr(5);
  const bool number = !digits.empty() && digits.size() < 18 &&
                      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return number ? std::stoll(digits) : -1;
}

std::vector<fs::path> RunDirectory::checkpoints() const {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(path_ / "checkpoints", ignored)) {
    if (step_of(entry.path()) >= 0) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end(),
            [](const fs::path& a, const fs::path& b) { return step_of(a) > step_of(b); });
  return files;
}

std::optional<io::Checkpoint> RunDirectory::load_newest() const {
  const std::vector<fs::path> files = checkpoints();
  for (const fs::path& file : files) {
    try {
      return io::load_checkpoint(file);
    } catch (const InputError& error) {
      log_warning(fmt::format("{}; trying the checkpoint before it", error.what()));
    }
  }
  if (files.empty()) return std::nullopt;
  throw InputError(
      fmt::format("run: none of the {} checkpoints in {} is whole; move the folder away to start anew",
                  files.size(), (path_ / "checkpoints").string()));
}

void RunDirectory::save(const io::Checkpoint& checkpoint, std::int64_t step, bool best, std::int64_t keep) {
  const fs::path file = checkpoint_path(step);
  io::save_checkpoint(file, checkpoint);
  io::replace_hard_link(file, path_ / "last.h5");
  if (best) io::replace_hard_link(file, path_ / "best.h5");
  // best.h5 is a link of its own, so removing step-N.h5 never removes the best weights.
  const std::vector<fs::path> files = checkpoints();
  for (std::size_t i = static_cast<std::size_t>(keep); i < files.size(); ++i) fs::remove(files[i]);
}

void RunDirectory::log(const io::Json& line) {
  const std::string text = line.dump() + "\n";
  std::ofstream file(path_ / "metrics.jsonl", std::ios::binary | std::ios::app);
  file << text;
  file.flush();
  if (!file)
    log_warning(fmt::format("{}: cannot append (is the disk full?)", (path_ / "metrics.jsonl").string()));
  metrics_ += text;
}

void RunDirectory::restore_metrics(const std::string& history) {
  metrics_ = history;
  io::write_text_atomically(path_ / "metrics.jsonl", history);
}

void RunDirectory::write_trainer_state(std::int64_t step, double epoch, std::int64_t max_steps,
                                       std::optional<double> best_metric,
                                       const fs::path& best_checkpoint) const {
  io::Json state;
  state["global_step"] = step;
  state["epoch"] = epoch;
  state["max_steps"] = max_steps;
  state["best_metric"] = best_metric ? io::Json(*best_metric) : io::Json();
  state["best_model_checkpoint"] = best_metric ? io::Json(best_checkpoint.string()) : io::Json();
  io::Json history = io::Json::array();
  std::size_t begin = 0;
  while (begin < metrics_.size()) {
    const std::size_t end = metrics_.find('\n', begin);
    history.push_back(io::parse_json(metrics_.substr(begin, end - begin), "metrics.jsonl"));
    begin = end + 1;
  }
  state["log_history"] = std::move(history);
  io::write_text_atomically(path_ / "trainer_state.json", state.dump(2) + "\n");
}

static std::string value_text(const config::Setting& setting) {
  return setting.is_list ? fmt::format("[{}]", fmt::join(setting.values, ", ")) : setting.values.at(0);
}

void require_same_config(const std::string& saved_yaml, const std::string& saved_where,
                         const std::vector<config::Setting>& now, bool (*free)(const std::string& key)) {
  std::map<std::string, std::string> saved;
  for (const config::Setting& setting : config::parse_yaml(saved_yaml, saved_where)) {
    saved[setting.key] = value_text(setting);
  }
  std::string changes;
  for (const config::Setting& setting : now) {
    const auto before = saved.find(setting.key);
    if (before == saved.end() || free(setting.key) || before->second == value_text(setting)) continue;
    changes += fmt::format("\n  {}: {} in the run, {} now", setting.key, before->second, value_text(setting));
  }
  if (changes.empty()) return;
  throw InputError(
      fmt::format("{}: the run was begun with another configuration:{}\nGive the old values to resume, or "
                  "another `run` folder to start anew.",
                  saved_where, changes));
}

}  // namespace espalier::train
